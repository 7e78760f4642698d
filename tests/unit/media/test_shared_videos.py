"""Videos that are not part of the project: HDR of a phone's kind, and a part that was cut out."""

import numpy as np
import pytest

from ferapp.pipeline.build import load_analyzer
from tests.support.places import shared_path
from tests.support.videos import decode_video


def test_hdr_is_read_as_its_twin_in_standard_range() -> None:
    analyzer = load_analyzer()
    hdr = decode_video(shared_path("data/bugs/mona-lisa_hlg.mov"), per_second=2)
    normal = decode_video(shared_path("data/bugs/mona-lisa_sdr.mp4"), per_second=2)
    assert "high dynamic range (HLG)" in hdr.notes[0] and normal.notes == ()
    for image, twin in zip(hdr.images, normal.images, strict=True):
        mine, wanted = analyzer.analyze(image), analyzer.analyze(twin)
        np.testing.assert_allclose(mine.probabilities, wanted.probabilities, atol=0.03)


def test_a_part_that_was_cut_out_has_its_own_length() -> None:
    found = decode_video(shared_path("data/bugs/seg2.mkv"), per_second=1)
    assert found.info.duration_s == pytest.approx(12) and found.end_s == pytest.approx(12)
    assert found.at_s[0] == 0 and len(found.at_s) == 12
