"""Nothing leaves the machine: counted on a network interface, not promised."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.e2e


def why_not() -> str | None:
    """Why no network of its own can be made here."""
    if os.geteuid() or not (shutil.which("unshare") and shutil.which("ip")):
        return "needs root, unshare and ip"
    made = subprocess.run(
        ["unshare", "--net", *"ip link add out type veth peer name nobody".split()],
        capture_output=True,
        text=True,
    )
    return f"needs network namespaces with veth: {made.stderr.strip()}" if made.returncode else None


def used_alone() -> dict[str, Any]:
    """What `tests.e2e.alone` tells when the network that it uses is its own.

    Raises:
        RuntimeError: It failed, with what it said.
    """
    run = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "tests.e2e.alone"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])


def test_no_packet_leaves_while_every_page_is_used() -> None:
    if reason := why_not():
        pytest.skip(reason)
    told = used_alone()
    assert told["sent_with_one_on_purpose"] == told["sent"] + 1, "or nothing is counted"
    assert told["sent"] == 0 == told["sent_bytes"] and told["foreign"] == [] and told["shown"] > 10
