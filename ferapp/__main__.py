"""``python -m ferapp``."""

from ferapp.cli.app import main

main()
