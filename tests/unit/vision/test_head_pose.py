"""Head pose and geometric measures on faces that are computed, so that the truth is known."""

import numpy as np
import pytest

from ferapp.face_shape import MEASURES, FaceGeometry, HeadPose
from ferapp.vision.face_geometry import face_geometry
from ferapp.vision.head_pose import head_pose
from tests.support.landmarked import photographed


@pytest.mark.parametrize("yaw", [-40, 0, 25])
@pytest.mark.parametrize("pitch", [-25, 0, 20])
@pytest.mark.parametrize("roll", [-60, 0, 45])
def test_a_turned_head_gets_its_angles_back(yaw: float, pitch: float, roll: float) -> None:
    pose = head_pose(photographed(yaw, pitch, roll))
    assert pose is not None
    found = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    assert found == pytest.approx((yaw, pitch, roll), abs=4)
    assert pose.eye_distance_px == pytest.approx(80, rel=0.05)


@pytest.mark.parametrize("away", [5.0, 30.0])
def test_another_camera_changes_angles_little(away: float) -> None:
    pose = head_pose(photographed(20, 10, 5, away=away))
    assert pose is not None
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((20, 10, 5), abs=8)


def test_points_that_are_off_by_a_few_percent_keep_the_words() -> None:
    rng = np.random.default_rng(0)
    for yaw, pitch, words in ((25, 0, "turned slightly right"), (0, -25, "turned slightly down")):
        points = photographed(yaw, pitch, 0)
        found = [head_pose(points + rng.normal(0, 80 * 0.02, (68, 2))) for _ in range(40)]
        right = [pose is not None and words in pose.words for pose in found]
        assert np.mean(right) > 0.8


def test_what_is_no_face_has_no_pose() -> None:
    rng = np.random.default_rng(0)
    heaps = [rng.uniform(0, 100, (68, 2)).astype(np.float32) for _ in range(50)]
    assert sum(head_pose(points) is None for points in heaps) >= 48
    assert head_pose(np.full((68, 2), 7, np.float32)) is None


def measured(points: np.ndarray) -> FaceGeometry:
    pose = head_pose(points)
    assert pose is not None
    geometry = face_geometry(points, pose)
    assert geometry is not None
    return geometry


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 50), (20, 0, 0), (0, 15, 0), (15, -10, 20)]
)
def test_measures_change_little_when_the_head_turns(yaw: float, pitch: float, roll: float) -> None:
    front, turned = measured(photographed(0, 0, 0)), measured(photographed(yaw, pitch, roll))
    assert turned.mouth_width == pytest.approx(front.mouth_width, rel=0.06)
    assert turned.mouth_opening == pytest.approx(front.mouth_opening, rel=0.06)
    assert turned.lip_corners_deg == pytest.approx(front.lip_corners_deg, abs=4)


def test_each_measure_follows_its_part_of_the_face() -> None:
    points = photographed(0, 0, 0)
    calm = measured(points)

    def with_moved(indices: list[int], by: tuple[float, float]) -> FaceGeometry:
        changed = points.copy()
        changed[indices] += by
        return measured(changed)

    smiling = with_moved([48, 54], (0, -8))
    assert smiling.lip_corners_deg > calm.lip_corners_deg + 8
    assert with_moved([65, 66, 67], (0, 16)).mouth_opening == pytest.approx(
        calm.mouth_opening + 0.2, abs=0.02
    )
    raised = with_moved(list(range(17, 22)), (0, -8))
    assert raised.right_brow_height == pytest.approx(calm.right_brow_height + 0.1, abs=0.01)
    assert raised.left_brow_height == pytest.approx(calm.left_brow_height, abs=1e-3)
    wide = points.copy()
    wide[48] -= (4, 0)
    wide[54] += (4, 0)
    assert measured(wide).mouth_width == pytest.approx(calm.mouth_width + 0.1, abs=0.01)


def test_a_side_view_has_no_measures() -> None:
    points = photographed(50, 0, 0)
    pose = head_pose(points)
    assert pose is not None and face_geometry(points, pose) is None
    assert face_geometry(points, HeadPose(0, 40, 0, 80, 0.01)) is None


@pytest.mark.parametrize(
    ("hidden", "missing"),
    [
        pytest.param(range(36, 42), {"right_brow_height"}, id="right eye"),
        pytest.param(range(22, 27), {"left_brow_height"}, id="left brow"),
        pytest.param(
            range(48, 68), {"mouth_opening", "mouth_width", "lip_corners_deg"}, id="mouth"
        ),
        pytest.param(range(17), set(), id="jaw"),
    ],
)
def test_what_is_measured_at_a_hidden_part_is_left_out_and_the_rest_stays(
    hidden: range, missing: set[str]
) -> None:
    points = photographed(0, 0, 0)
    pose = head_pose(points)
    peaks = np.full(68, 0.06, np.float32)
    peaks[list(hidden)] = 0.01
    assert pose is not None
    geometry = face_geometry(points, pose, peaks)
    assert geometry is not None
    assert {name for name in MEASURES if getattr(geometry, name) is None} == missing
