"""``python -m ferapp``."""

import sys

try:
    from ferapp.cli.app import main
except ImportError as exc:
    sys.exit(
        f"ferapp: The command line needs {exc.name or 'a library'}, which this Python does not "
        "have; `python -m ferapp.doctor` says what is missing."
    )

main()
