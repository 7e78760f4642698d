#!/usr/bin/env bash
# pg8000 1.31.6: a timestamp before Christ, as PostgreSQL sends it, is read as the same year after Christ,
# with a warning of python-dateutil about a time zone "BC"; "infinity" and years above 9999, which are
# valid as well, come as text and not as a datetime. Whoever reads timestamps has to check their type.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pg8000==1.31.6 python-dateutil==2.9.0.post0
"$folder/venv/bin/python" -W ignore - <<'PY'
from datetime import datetime

import pg8000
from pg8000.converters import timestamp_in

print("pg8000", pg8000.__version__)
for text in ("0044-03-15 00:00:00 BC", "infinity", "20000-01-01 00:00:00"):
    print(f"{text} -> {timestamp_in(text)!r}")
assert timestamp_in("0044-03-15 00:00:00 BC") == datetime(44, 3, 15)
assert timestamp_in("infinity") == "infinity"
assert isinstance(timestamp_in("20000-01-01 00:00:00"), str)
PY
