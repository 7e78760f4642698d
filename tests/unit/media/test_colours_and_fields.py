"""HDR, unnamed colours and interlaced frames come as a viewer would see them, and are told."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import Colorspace

from ferapp.media.images import read_image
from ferapp.media.pictures.hdr import WHITE_CD
from ferapp.media.tone_mapping import ToneMapper
from tests.support.profiles import DISPLAY_P3, SRGB, SRGB_CURVE, to_srgb
from tests.support.shown_videos import BT709, NARROW, SMPTE170M, portrait, write_coded
from tests.support.videos import (
    COLOUR_TOLERANCE,
    decode_video,
    mean_difference,
    noisy_frames,
    numbered_frames,
    solid_image,
    write_video,
)

PORTRAIT = read_image(Path(__file__).parents[3] / "ferapp/samples/astronaut.jpg")[:384, :384]
TO_BT2020 = np.linalg.inv(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)


def light_of(image: np.ndarray, curve: str = "sRGB") -> np.ndarray:
    """Linear light in BT.2020, white is 1."""
    codes = image / 255
    if curve == "sRGB":
        light = np.where(codes < 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    else:
        light = np.where(codes < 0.081, codes / 4.5, ((codes + 0.099) / 1.099) ** (1 / 0.45))
    return np.maximum(light @ TO_BT2020.T, 0)


def as_pq(light: np.ndarray, white_cd: float) -> np.ndarray:
    power = (light * white_cd / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg_code(scene: np.ndarray) -> np.ndarray:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    upper = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)


def as_hlg(light: np.ndarray, white_cd: float) -> np.ndarray:
    shown = light * white_cd / 1000
    luminance = np.maximum(shown @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
    return hlg_code(shown * luminance ** (1 / 1.2 - 1))


TWINS = {
    "PQ": ("PQ", as_pq(light_of(PORTRAIT), WHITE_CD)),
    "HLG": ("HLG", as_hlg(light_of(PORTRAIT), WHITE_CD)),
    "PQ as FFmpeg makes it of SDR": ("PQ", as_pq(light_of(PORTRAIT, "BT.709"), 100)),
    "HLG as FFmpeg makes it of SDR": ("HLG", hlg_code(light_of(PORTRAIT, "BT.709"))),
}


@pytest.mark.parametrize(("curve", "codes"), TWINS.values(), ids=TWINS)
def test_a_normal_picture_survives_its_way_through_hdr(curve: Any, codes: np.ndarray) -> None:
    mapped = ToneMapper(curve).map(np.round(codes * 65_535).astype(np.uint16))
    assert mean_difference(mapped, PORTRAIT) < 1


def test_small_highlights_leave_the_rest_as_it_is_and_stay_below_white() -> None:
    light = light_of(PORTRAIT // 2)
    light[:60, :60] = np.linspace(1, 4, 60)[:, None, None]
    mapped = ToneMapper("PQ").map(np.round(as_pq(light, WHITE_CD) * 65_535).astype(np.uint16))
    assert mean_difference(mapped[70:], (PORTRAIT // 2)[70:]) < 1.5
    ramp = mapped[:60, 30, 0].astype(int)
    assert (np.diff(ramp) >= 0).all() and ramp[-1] <= 255 and ramp[-1] - ramp[0] > 5


def test_a_dark_frame_at_the_start_decides_nothing() -> None:
    mapper = ToneMapper("PQ")
    mapper.map(np.zeros((8, 8, 3), np.uint16))
    codes = as_pq(light_of(PORTRAIT, "BT.709"), 100)
    mapped = mapper.map(np.round(codes * 65_535).astype(np.uint16))
    assert mean_difference(mapped, PORTRAIT) < 1


def write_hdr(path: Path, codes: np.ndarray, trc: int, count: int = 3) -> Path:
    """HEVC of ten bits with the tags of HDR; the pixels already have its curve."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx265", rate=10)
        stream.height, stream.width = codes.shape[:2]
        stream.pix_fmt = "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = trc, 9, 9
        context.options = {"x265-params": "log-level=none:crf=8", "preset": "ultrafast"}
        pixels = np.round(codes * 65_535).astype(np.uint16)
        for n in range(count):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb48le").reformat(
                format="yuv420p10le", dst_colorspace=Colorspace.BT2020
            )
            frame.pts, frame.time_base = n, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("curve", "trc"), [("HLG", 18), ("PQ", 16)])
def test_hdr_videos_are_mapped_and_say_so(tmp_path: Path, curve: str, trc: int) -> None:
    found = decode_video(write_hdr(tmp_path / "a.mp4", TWINS[curve][1], trc))
    assert len(found.images) == 3
    assert mean_difference(found.images[1], PORTRAIT) < COLOUR_TOLERANCE
    [note] = found.notes
    assert f"high dynamic range ({curve})" in note


@pytest.mark.parametrize(("height", "matrix"), [(720, 1), (480, 5)], ids=["HD", "smaller"])
def test_videos_without_a_matrix_get_that_of_their_size(
    tmp_path: Path, height: int, matrix: int
) -> None:
    rgb = (200, 60, 30)
    image = solid_image(rgb, (64, height))
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        for n in range(2):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=matrix
            )
            frame.colorspace = 2
            frame.pts, frame.time_base = n, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    found = decode_video(path)
    assert mean_difference(found.images[0], image) < 3
    assert ["BT.709 was assumed" in note for note in found.notes] == [True] * (height >= 720)


@pytest.mark.parametrize(("wh", "matrix"), [((320, 720), BT709), ((320, 240), SMPTE170M)])
def test_vp8_can_not_name_a_matrix_and_gets_that_of_its_size(
    tmp_path: Path, wh: tuple[int, int], matrix: int
) -> None:
    """FFmpeg says BT.601 for every VP8, which players show by its size."""
    path = write_coded(tmp_path / "a.webm", wh, matrix=matrix, codec="libvpx")
    off = decode_video(path).images[0].astype(float) - portrait(wh)
    assert np.abs(off.mean(axis=(0, 1))).max() < 1.5


def test_colours_are_not_a_level_too_dark(tmp_path: Path) -> None:
    """As FFmpeg's fast way of converting them makes them."""
    path = write_coded(tmp_path / "a.mkv", (640, 480), matrix=SMPTE170M, codec="ffv1")
    off = decode_video(path).images[0].astype(float) - portrait((640, 480))
    assert np.abs(off.mean(axis=(0, 1))).max() < 0.6


@pytest.mark.parametrize(
    ("named", "primaries"),
    [((BT709, 12, 13, NARROW), DISPLAY_P3), ((BT709, 1, 1, NARROW), SRGB)],
    ids=["Display P3", "BT.709"],
)
def test_primaries_of_a_video_become_those_of_srgb(
    tmp_path: Path, named: tuple[int, int, int, int], primaries: tuple[tuple[float, ...], ...]
) -> None:
    path = write_coded(tmp_path / "a.mp4", (320, 240), matrix=BT709, named=named)
    expected = to_srgb(portrait((320, 240)).astype(float), primaries, SRGB_CURVE)
    found = decode_video(path)
    assert np.abs((found.images[0] - expected).mean(axis=(0, 1))).max() < 1
    assert bool(found.notes) == (primaries is DISPLAY_P3)
    assert all("other colours than sRGB" in note for note in found.notes)


def moving_fields(count: int, *, is_interlaced: bool) -> list[np.ndarray]:
    """A texture that moves by four pixels a field; alternate lines are of two moments."""
    rng = np.random.default_rng(0)
    wide = np.kron(rng.integers(0, 255, (24, 160, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = []
    for n in range(count):
        frame = wide[:, 8 * n : 8 * n + 256].copy()
        if is_interlaced:
            frame[1::2] = wide[1::2, 8 * n + 4 : 8 * n + 260]
        frames.append(frame)
    return frames


def grey(image: np.ndarray) -> np.ndarray:
    return image @ [0.299, 0.587, 0.114]


def comb(image: np.ndarray) -> float:
    """How much each line differs from both of its neighbours."""
    lines = image.astype(int)
    return float(np.abs(2 * lines[1:-1] - lines[:-2] - lines[2:]).mean())


def write_fields(path: Path, codec: str, options: dict[str, str], *, is_interlaced: bool) -> Path:
    # Chroma of 4:2:0 belongs to two lines, which here are of two moments.
    kind = {"mjpeg": "yuvj422p", "mpeg2video": "yuv422p"}.get(codec, "yuv422p")
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 192, kind
        stream.codec_context.options = options
        stream.codec_context.bit_rate = 20_000_000
        for n, image in enumerate(moving_fields(40, is_interlaced=is_interlaced)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


INTERLACED: dict[str, tuple[str, str, dict[str, str]]] = {
    "MPEG-2, marked": ("a.mpg", "mpeg2video", {"flags": "+ildct+ilme"}),
    "H.264, marked": ("a.ts", "libx264", {"x264-params": "tff=1", "preset": "ultrafast"}),
    "H.264, not marked": ("a.mp4", "libx264", {"preset": "ultrafast", "crf": "5"}),
    "MJPEG, not marked": ("a.avi", "mjpeg", {}),
}


@pytest.mark.parametrize(("name", "codec", "options"), INTERLACED.values(), ids=INTERLACED)
def test_interlaced_videos_are_deinterlaced_and_keep_their_times(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = write_fields(tmp_path / name, codec, options, is_interlaced=True)
    found = decode_video(path)
    assert len(found.images) == 40, "none is lost at the end"
    assert np.diff(found.at_s) == pytest.approx(0.04, abs=0.001)
    woven = comb(moving_fields(20, is_interlaced=True)[10])
    assert all(comb(image) < 0.6 * woven for image in found.images)
    assert found.notes == ("The video is interlaced; it was deinterlaced.",)


@pytest.mark.parametrize("kind", ["moving", "noisy", "still"])
def test_progressive_videos_stay_as_they_are(tmp_path: Path, kind: str) -> None:
    images = {
        "moving": moving_fields(40, is_interlaced=False),
        "noisy": noisy_frames(40, (256, 192)),
        "still": numbered_frames(40, (256, 192)),
    }[kind]
    found = decode_video(write_video(tmp_path / "a.mp4", images))
    assert found.notes == () and len(found.images) == 40
    # In grey: between small squares of different colours, the colours are interpolated.
    pairs = zip(found.images, images, strict=True)
    assert max(mean_difference(grey(one), grey(other)) for one, other in pairs) < 8
