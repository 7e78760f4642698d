"""The app used on a network that counts what leaves."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from tests.support.places import ROOT


def missing_requirement() -> str | None:
    """Why no network of its own can be made here."""
    if os.geteuid() or not (shutil.which("unshare") and shutil.which("ip")):
        return "needs root, unshare and ip"
    made = subprocess.run(
        ["unshare", "--net", *"ip link add out type veth peer name nobody".split()],
        capture_output=True,
        text=True,
    )
    return f"needs network namespaces with veth: {made.stderr.strip()}" if made.returncode else None


def use_in_own_network() -> dict[str, Any]:
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
