"""Use of the app in a network namespace that counts outgoing packets."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from tests.support.places import ROOT


def missing_requirement() -> str | None:
    """Why no network namespace can be made on this machine; None if it can."""
    if os.geteuid() or not (shutil.which("unshare") and shutil.which("ip")):
        return "needs root, unshare and ip"
    run = subprocess.run(
        "unshare --net ip link add out type veth peer name nobody".split(),
        capture_output=True,
        text=True,
    )
    return f"needs network namespaces with veth: {run.stderr.strip()}" if run.returncode else None


def use_in_own_network() -> dict[str, Any]:
    """Run `tests.e2e.alone` in a network namespace and give its result.

    Raises:
        RuntimeError: It failed; the text is its standard error.
    """
    run = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "tests.e2e.alone"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout.splitlines()[-1])
