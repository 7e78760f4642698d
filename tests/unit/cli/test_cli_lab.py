"""`lab`: listing, measuring and the table that ships."""

import json
from pathlib import Path

from ferapp.emotions import EXPRESSIONS
from ferapp.inference.manifest import manifest
from tests.support.cli import ferapp
from tests.support.labelled import FEAR, HAPPY, write_split


def test_the_table_has_a_row_for_every_system_and_ours() -> None:
    run = ferapp("lab", "table", "--json")
    assert run.returncode == 0, run.stderr
    rows = {row["name"]: row for row in json.loads(run.stdout)["rows"]}
    assert {"majority", "fisherfaces", manifest().defaults.classifier} < set(rows)
    assert rows["fisherfaces"]["labels"] == list(EXPRESSIONS)
    shown = ferapp("lab", "table", COLUMNS="200")
    assert all(name in shown.stdout for name in rows)


def test_the_list_says_where_each_is_from() -> None:
    run = ferapp("lab", "list", "--json")
    assert json.loads(run.stdout)["knn"]["claim"] == "31.5 %, FER2013, seven classes"
    assert "Nearest neighbours" in ferapp("lab", "list", COLUMNS="200").stdout


def test_measured_rows_are_kept_in_the_order_of_the_systems(tmp_path: Path) -> None:
    for split in ("Train", "Test"):
        write_split(tmp_path / "faces", split, [HAPPY, FEAR] * 2)
    kept = tmp_path / "lab.json"
    for name in ("fisherfaces", "majority"):
        run = ferapp("lab", "evaluate", name, "--data", tmp_path / "faces", "--keep", kept)
        assert run.returncode == 0, run.stderr
    rows = json.loads(kept.read_text())["rows"]
    assert [row["name"] for row in rows] == ["majority", "fisherfaces"]
    assert rows[0]["figures"]["accuracy"] == 0.5


def test_a_picture_is_read_by_a_system_of_the_laboratory() -> None:
    run = ferapp("analyze", "ferapp/samples/astronaut.jpg", "--classifier", "fisherfaces", "--json")
    assert run.returncode == 0, run.stderr
    (face,) = json.loads(run.stdout)["faces"]
    assert face["expression"] in (*EXPRESSIONS, "unsure")
    assert abs(sum(face["probabilities"].values()) - 1) < 1e-3


def test_an_unknown_system_is_refused(tmp_path: Path) -> None:
    run = ferapp(
        "lab", "train", "vgg99", "--data", tmp_path, "--out", tmp_path, "--trained-on", "x"
    )
    assert run.returncode == 2 and "unknown: vgg99" in run.stderr
