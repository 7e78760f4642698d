"""``python -m ferapp.doctor``: the report where the command line itself can't start."""

import sys
from contextlib import redirect_stdout

from ferapp.doctor.report import report

with redirect_stdout(sys.stderr):
    found = report()
sys.stdout.writelines(f"{line}\n" for line, _ in found.lines())
sys.exit(1 if found.count("problem") else 0)
