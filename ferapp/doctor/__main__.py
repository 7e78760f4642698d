"""``python -m ferapp.doctor``: the report, even if the command line can't start."""

import sys
from contextlib import redirect_stdout

from ferapp.doctor.report import report
from ferapp.system.text import replace_unprintable

replace_unprintable()
with redirect_stdout(sys.stderr):
    result = report()
sys.stdout.writelines(f"{line}\n" for line, _ in result.lines())
sys.exit(1 if result.count("problem") else 0)
