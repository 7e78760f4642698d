"""WebPs, with what browsers obey and what they ignore."""

from collections.abc import Iterator

from tests.support.made_pictures import encoded
from tests.support.profiles import grey_profile
from tests.support.shown_pictures.portrait import ADOBE, CLEAR, P3, PICTURE, exif, xmp


def webps() -> Iterator[tuple[str, bytes]]:
    yield "lossless", encoded(PICTURE, "WEBP", lossless=True)
    yield "lossy", encoded(PICTURE, "WEBP", quality=95)
    yield "EXIF 6", encoded(PICTURE, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    yield "XMP 6", encoded(PICTURE, "WEBP", lossless=True, xmp=xmp(6))
    yield "P3", encoded(PICTURE, "WEBP", lossless=True, icc_profile=P3)
    yield "Adobe RGB, lossy", encoded(PICTURE, "WEBP", quality=95, icc_profile=ADOBE)
    yield "profile of greys", encoded(PICTURE, "WEBP", lossless=True, icc_profile=grey_profile(1.0))
    yield (
        "profile that is none",
        encoded(PICTURE, "WEBP", lossless=True, icc_profile=b"no profile" * 30),
    )
    yield "alpha", encoded(CLEAR, "WEBP", lossless=True, exact=True)
    yield "alpha, lossy", encoded(CLEAR, "WEBP", quality=95)
    yield "alpha, P3", encoded(CLEAR, "WEBP", lossless=True, icc_profile=P3)
    yield (
        "animated",
        encoded(PICTURE, "WEBP", lossless=True, save_all=True, append_images=[PICTURE.rotate(180)]),
    )
