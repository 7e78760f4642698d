"""The pages' libraries are imported by one thread at a time."""

import asyncio
import subprocess
import sys

from ferapp.ui.server import health, imports
from tests.support.places import ROOT

# The script of a first visitor, and the thread that erases sessions as soon as the script has begun
# with the database library, whose imports go in circles.
_SCRIPT = """
import sys, threading
from runpy import run_path
from ferapp.ui.server import session_erasure

def erase():
    while "sqlalchemy" not in sys.modules:
        pass
    session_erasure.erase_due()

sys.setswitchinterval(1e-5)
thread = threading.Thread(target=erase)
thread.start()
run_path("ferapp/ui/navigation.py")
thread.join()
"""


def test_the_first_visitor_and_the_eraser_import_one_after_the_other() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert "sessions could not be erased" not in run.stderr


def test_a_server_that_still_imports_is_not_ready_and_says_so_at_once() -> None:
    with imports.importing:
        answer = asyncio.run(health.Readiness(health.check_readiness).answer())
    assert answer == "not ready: starting"
