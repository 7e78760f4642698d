"""Start the app as ``python -m streamlit`` does, with an About page that fails.

The text of its error holds CANARY, the name of a visitor's file; with CARELESS, the log does too.
"""

import logging
import os
from typing import NoReturn

from streamlit.web.cli import main

from ferapp.ui.about import page as about


def show() -> NoReturn:
    name = os.environ["CANARY"]
    if os.environ.get("CARELESS"):
        logging.getLogger("ferapp.careless").warning("could not read %s", name)
    try:
        {}[name]
    except KeyError as exc:
        raise LookupError(f"there is no {name}") from exc


about.show = show
main()
