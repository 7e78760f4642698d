"""The resilience suite: hostile input, databases, a crowd, kills, a child's reach, packets sent.

    python -m stress.hold [--mutants N] [--seconds S] [--kills N]

As root on Linux, with chromium, the last part counts the packets that leave a network namespace
while every page is used; elsewhere it is skipped and says so. The exit status is 1 if a check
failed.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import ROOT, about, write_result
from ferapp.system.confinement import layers
from stress import chaos, crowd, fuzz, killed_videos, slow, small_files
from stress import databases as store_checks
from stress.findings import Findings
from tests.support.no_packet import missing_requirement, use_in_own_network
from tests.support.taken_over import HELD, take_over

MOST_TIMES_SLOWER = 2.0


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        check: What was tried.
        figures: The result, in words.
        held: Whether it passed; None if it could not be tried here.
    """

    check: str
    figures: str
    held: bool | None


def row_of(check: str, found: Findings) -> Row:
    """A row with the first three faults."""
    return Row(check, "; ".join([str(found), *found.faults[:3]]), not found.faults)


def inputs(mutants: int, seed: int) -> Row:
    """Damaged pictures and videos."""
    return row_of("inputs tried", fuzz.run(mutants=mutants, seed=seed))


def claims() -> Row:
    """Small files with large claims."""
    outcomes = small_files.run()
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    return Row("small files with large claims", small_files.words(outcomes), not faults)


def recorders(kills: int, seed: int) -> Row:
    """Killed recorders."""
    with tempfile.TemporaryDirectory() as folder:
        return row_of(
            "killed recorders", chaos.kill_and_check(kills, Path(folder), seed=seed, at_once=2)
        )


def videos(kills: int, seed: int) -> Row:
    """Videos whose reader is killed."""
    return row_of("killed videos", killed_videos.run(kills, seed))


def databases(kills: int, seconds: float, seed: int) -> list[Row]:
    """Databases that are silent, damaged or shared, and imports that are killed."""
    rows = []
    for name, check in (
        ("silent database", store_checks.use_silent),
        ("damaged rows", store_checks.read_damaged),
        ("killed imports", lambda folder: store_checks.kill_imports(folder, kills, seed)),
        ("two apps, one file", lambda folder: store_checks.share_file(folder, seconds)),
    ):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row_of(name, check(Path(folder))))
    return rows


def reach() -> Row:
    """What a decoder that was taken over can do."""
    here = layers()
    with tempfile.TemporaryDirectory() as folder:
        answers = take_over(Path(folder))
    ways = {name: answer for name, answer in answers.items() if not name.startswith("thread")}
    reached = [name for name, answer in ways.items() if answer != HELD]
    words = f"{len(ways)} ways out, {len(reached)} open ({here.text})"
    if reached:
        words += f": {', '.join(reached)}"
    # What the kernel lacks can't be tried here.
    return Row("child's reach", words, None if reached and here.gap else not reached)


def load(visitors: int, viewers: int, seconds: float) -> list[Row]:
    """A crowd, and a visitor beside another who uploads bombs."""
    figures = crowd.run(visitors=visitors, live=viewers, seconds=seconds).figures()
    held = not figures["wrong"] and not figures["errors"] and all(n > 30 for n in figures["frames"])
    words = (
        f"{visitors} visitors and {viewers} live: {figures['uploads']} uploads, {figures['wrong']} "
        f"wrong, {figures['errors']} errors{figures['first_errors'] or ''}; "
        f"upload {figures['upload_s_median']} s median, {figures['upload_s_p95']} s p95; "
        f"page {figures['page_s_median']} s, {figures['page_s_p95']} s; "
        f"live frames {figures['frames']}; {figures['peak_mb']} MB, "
        f"after it {figures['after_mb']} MB"
    )
    slower = figures["times_slower_beside_bombs"]
    beside = (
        f"{slower} times as long beside 49-megapixel pictures "
        f"({figures['alone_s_median']} s alone); {figures['bombs_mb']} MB"
    )
    return [
        Row("load held", words, held),
        Row("one visitor's bombs", beside, slower <= MOST_TIMES_SLOWER),
    ]


def slow_clients() -> list[Row]:
    """Uploads that are promised and never sent, and requests that never end."""
    uploads, requests = slow.run()
    return [
        Row("idle uploads", str(uploads), uploads.held),
        Row("half requests", str(requests), requests.held),
    ]


def count_packets() -> list[Row]:
    """What leaves the machine while every page is used."""
    if reason := missing_requirement():
        return [Row("bytes sent out", f"not counted: {reason}", None)]
    try:
        counted = use_in_own_network()
    except RuntimeError as exc:
        return [Row("bytes sent out", str(exc)[-300:], False)]
    is_counted = counted["sent_with_one_on_purpose"] == counted["sent"] + 1
    words = f"{counted['sent_bytes']} bytes in {counted['sent']} packets; requests to others: " + (
        ", ".join(counted["foreign"]) or "none"
    )
    stays_in = is_counted and not counted["sent"] and not counted["foreign"]
    knocked = ", ".join(counted["reached"]) or "nothing is reached"
    return [
        Row("bytes sent out", words, stays_in),
        Row("pages of other sites", knocked, not counted["reached"]),
    ]


def main() -> None:
    """Run all checks, print the table and write a dated file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=300_000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--viewers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    console = Console()
    start_s = time.monotonic()
    rows: list[Row] = []
    for what, check in (
        ("damaged files", lambda: [inputs(options.mutants, options.seed)]),
        ("small files with large claims", lambda: [claims()]),
        ("killed recorders", lambda: [recorders(options.kills, options.seed)]),
        ("killed videos", lambda: [videos(options.kills // 4, options.seed)]),
        ("databases", lambda: databases(options.kills // 4, 20, options.seed)),
        ("a decoder that was taken over", lambda: [reach()]),
        ("a crowd", lambda: load(options.visitors, options.viewers, options.seconds)),
        ("slow clients", slow_clients),
        ("a network that counts", count_packets),
    ):
        console.print(f"{time.monotonic() - start_s:.0f} s: {what} …")
        found = check()
        # At once, as the next check may fail before the table is printed.
        for row in found:
            console.print(f"  {row.check}: {row.figures}", markup=False)
        rows += found
    minutes = (time.monotonic() - start_s) / 60
    table = Table("check", "figures", "held", title=f"hold, {minutes:.1f} minutes")
    for row in rows:
        held = {True: "yes", False: "NO", None: "not tried"}[row.held]
        table.add_row(row.check, row.figures, held)
    console.print(table)
    result = about() | {"minutes": round(minutes, 1)}
    result["rows"] = [vars(row) for row in rows]
    write_result(result, "hold", options.out)
    sys.exit(1 if any(row.held is False for row in rows) else 0)


if __name__ == "__main__":
    main()
