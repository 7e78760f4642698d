"""``python -m ferapp``."""

import sys

try:
    from ferapp.cli.app import main
except ImportError as exc:
    sys.exit(
        f"ferapp: The command line needs {exc.name or 'a library'}, which is not installed for "
        "this Python; `python -m ferapp.doctor` says what is missing."
    )

main()
