"""A child process that behaves as it is told, for `ferapp.media.child.Child`.

Its request is a list of lines; a number is how many seconds it says nothing.
"""

import json
import sys
import time

from ferapp.media.child import confine

if __name__ == "__main__":
    confine(4 << 30)
    for step in json.loads(sys.argv[1]):
        if isinstance(step, str):
            sys.stdout.write(step)
            sys.stdout.flush()
        else:
            time.sleep(step)
