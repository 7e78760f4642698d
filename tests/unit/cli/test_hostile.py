"""Files that break decoders, through the command line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import ferapp
from tests.support.places import SAMPLES, shared_path

# The list expects an error because ferapp once read JPG and PNG alone; these are intact pictures.
READ_NOW = {
    "img/avif_named.jpg": "128x128",
    "img/heic_named.jpg": "1080x1920",
    "img/tiff_named.png": "128x128",
    "img/webp_looks_like_svg_named.png": "256x256",
    "img/webp_named.jpg": "128x128",
    "syn_img/gif_300_frames.png": "8x8",
}


def rows() -> list[dict[str, str]]:
    folder = shared_path("data/hostile")
    with (folder / "MANIFEST.tsv").open(encoding="utf-8") as file:
        found = [r for r in csv.DictReader(file, delimiter="\t") if "img/" in r["file"]]
    for row in found:
        if size := READ_NOW.get(row["file"]):
            row |= {"expected": "decode-ok", "expected_wxh": size}
    return found


def test_every_hostile_picture_gives_its_expected_result() -> None:
    expected = rows()
    folder = shared_path("data/hostile")
    run = ferapp("analyze", "--json", *[folder / row["file"] for row in expected])
    assert run.returncode == 1 and "Traceback" not in run.stderr
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(results) == len(expected)
    wrong = []
    for row, result in zip(expected, results, strict=True):
        if "error" in result:
            is_right = row["expected"] == "clear-error" and result["error"].endswith(".")
        else:
            size = f"{result['width']}x{result['height']}"
            is_right = row["expected"] == "decode-ok" and size == row["expected_wxh"]
        if not is_right:
            wrong.append((row["file"], row["expected"], result))
    assert not wrong


def test_one_face_and_one_label_in_every_orientation() -> None:
    folder = shared_path("data/hostile") / "img"
    run = ferapp("analyze", "--json", *sorted(folder.glob("hopper_orientation_*.jpg")))
    results = [json.loads(line)["faces"] for line in run.stdout.splitlines()]
    assert len(results) == 7 and all(len(faces) == 1 for faces in results)
    upright = json.loads(ferapp("analyze", "--json", folder / "hopper.jpg").stdout)["faces"]
    boxes = np.array([faces[0]["box"] for faces in [upright, *results]])
    assert np.abs(boxes - boxes[0]).max() < 6, "px of 128: JPEG blocks differ when turned"
    assert len({faces[0]["expression"] for faces in [upright, *results]}) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_portrait_is_read_upright(orientation: int, tmp_path: Path) -> None:
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(SAMPLES / "astronaut.jpg") as picture:
        stored = picture.transpose(turned) if turned is not None else picture
        stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    face = json.loads(ferapp("analyze", "--json", tmp_path / "a.jpg").stdout)["faces"]
    assert len(face) == 1 and face[0]["expression"] == "happiness"
    np.testing.assert_allclose(face[0]["box"], [181, 66, 269, 173], atol=3)
