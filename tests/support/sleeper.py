"""A child process that follows instructions, for `ferapp.system.child.Child`.

Its request is a list of lines: a number of seconds in which it says nothing, "ours" for an
unexpected error, or "status" for an end with an exit status.
"""

import sys
import time
from typing import Any

from ferapp.system.child import run


def behave(request: Any) -> None:
    for step in request:
        if step == "ours":
            raise AttributeError("the name of a file")
        if step == "status":
            sys.exit(7)
        if isinstance(step, str):
            sys.stdout.write(step)
            sys.stdout.flush()
        else:
            time.sleep(step)


if __name__ == "__main__":
    run(behave, memory_bytes=4 << 30)
