"""``ferapp evaluate report`` and ``groups``: a classifier by source of the faces and by group."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ferapp.cli.evaluate import parse_split, report_left_out, share_text
from ferapp.cli.options import AsJson, Ignore, Judged, Key, TablePadding, Threads, parse_key
from ferapp.cli.output import console, print_json, print_line, print_table, progress

if TYPE_CHECKING:
    from ferapp.evaluation.reports.figures import Figures
    from ferapp.evaluation.reports.readings import Readings
    from ferapp.inference.classifiers import ExpressionClassifier

Sources = Annotated[
    list[Path],
    typer.Option("--data", help="Labelled faces, as for `emotions`; may be given several times."),
]
SplitName = Annotated[
    str, typer.Option("--split", help="Of data that has splits: Train, Valid or Test.")
]


def by_source(
    data: Sources,
    split: SplitName = "Test",
    model: Judged = None,
    threads: Threads = 2,
    key: Key = "",
    padding: TablePadding = 0.0,
    ignore: Ignore = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate an expression classifier on faces from several sources, in one table.

    Intervals are of 95 %. Where labels.csv has a column person, they are over people; a column
    source gives each source its own row.
    """
    from ferapp.evaluation.reports.by_source import figures_by_source

    classifier, readings = _read(data, split, model, threads, key, padding)
    found = figures_by_source(readings, unsure_below=classifier.unsure_below)
    if as_json:
        rows = [{"source": name, **one.to_json()} for name, one in found.items()]
        print_json({"model": _name(model), "labels": list(readings.labels), "sources": rows})
    else:
        _print_sources(_name(model), readings.labels, found)
    report_left_out(readings.left_out, may_leave_out=ignore)


def by_group(
    data: Sources,
    by: Annotated[
        str, typer.Option("--by", help="Column of labels.csv that names the group of each face.")
    ],
    split: SplitName = "Test",
    model: Judged = None,
    threads: Threads = 2,
    key: Key = "",
    padding: TablePadding = 0.0,
    ignore: Ignore = False,
    as_json: AsJson = False,
) -> None:
    """Compare an expression classifier between groups, and say how likely chance explains it.

    The data is pictures with a labels.csv. Its columns are image, label, one for each kind of group
    and, if known, person. The column source is always there: by default, it is the file's name.
    """
    from ferapp.evaluation.reports.groups import compare_groups

    classifier, readings = _read(data, split, model, threads, key, padding)
    result = compare_groups(readings, by, unsure_below=classifier.unsure_below)
    if as_json:
        print_json({"model": _name(model), "labels": list(readings.labels), **result.to_json()})
    else:
        table = Table(by, *_SHORT, "difference")
        for name, one in result.groups.items():
            table.add_row(name, *_cells(one), f"{100 * result.differences[name]:+.1f}")
        print_table(_name(model), table)
        print_line(
            f"p = {result.p_value:.4f} (permutation of {result.shuffled}). The difference, in "
            "points of accuracy, is from what the recall of each class over all groups leads to "
            "expect."
        )
        if result.ungrouped:
            print_line(f"{result.ungrouped} faces without a group do not count.")
    report_left_out(readings.left_out, may_leave_out=ignore)


_SHORT = ("n", "persons", "accuracy", "macro recall", "ECE", "labelled", "right of these")


def _cells(one: "Figures") -> list[str]:
    """The cells under `_SHORT`."""
    return [
        str(one.n),
        "" if one.persons is None else str(one.persons),
        _with_interval(one.accuracy, one.accuracy_interval),
        _with_interval(one.macro_recall, one.macro_recall_interval),
        share_text(one.ece),
        share_text(one.labelled),
        share_text(one.right_of_labelled),
    ]


def _print_sources(model: str, labels: tuple[str, ...], found: Mapping[str, "Figures"]) -> None:
    table = Table("source", *_SHORT)
    recalls = Table("recall", *labels)
    for name, one in found.items():
        table.add_row(name, *_cells(one))
        pairs = zip(one.recall, one.counts, strict=True)
        recalls.add_row(name, *(f"{share_text(r)} ({n})" if n else "" for r, n in pairs))
    print_table(model, table)
    console.print(recalls)


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _name(model: str | None) -> str:
    from ferapp.inference.manifest import manifest

    return manifest().model(model, "classifier").name


def _read(
    data: list[Path], split: str, model: str | None, threads: int, key: str, padding: float
) -> "tuple[ExpressionClassifier, Readings]":
    from ferapp.evaluation.reports.readings import read_sources
    from ferapp.inference.registry import load_classifier

    part, meanings = parse_split(split), parse_key(key)
    classifier = load_classifier(model, threads=threads)
    with progress("faces") as report:
        readings = read_sources(
            data, part, classifier, key=meanings, padding=padding, report=report
        )
    return classifier, readings
