"""Who may use the app: whoever reaches it, or who has logged in where the operator wants that.

Streamlit does the OpenID Connect (`st.login`); `[auth]` in `.streamlit/secrets.toml` asks for it.
What is asked here is asked before any page runs, and where anything is wrong nothing is open.
"""

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from ferapp.errors import MissingExtra

_KEYS: Final = (
    "redirect_uri",
    "cookie_secret",
    "client_id",
    "client_secret",
    "server_metadata_url",
)
_LIBRARIES: Final = {"Authlib": "authlib", "HTTPX": "httpx"}


@dataclass(frozen=True)
class Rules:
    """What the operator wants of visitors.

    Attributes:
        needs_login: Whether they have to log in.
        allowed: E-mail addresses and domains of those who may; None for all who can log in.
        problem: Why nobody can, in a sentence; empty where all is well.
    """

    needs_login: bool
    allowed: tuple[str, ...] | None = None
    problem: str = ""


def login_rules() -> Rules:
    """What the secrets say; those that can't be read or understood let nobody in."""
    try:
        is_there = st.secrets.load_if_toml_exists()
    except OSError:
        is_there = False
    if is_there:
        return _rules_of(st.secrets.to_dict())
    # Streamlit takes a file that it can't read for none.
    if any(Path(file).exists() for file in st.get_option("secrets.files")):
        return Rules(True, problem="The file of secrets can't be read, so nobody can log in.")
    return Rules(False)


def _rules_of(secrets: Mapping[str, Any]) -> Rules:
    auth, allowed = secrets.get("auth"), secrets.get("ferapp", {}).get("allowed")
    if auth is None and allowed is None:
        return Rules(False)
    if not isinstance(auth, Mapping):
        return Rules(True, problem="The secrets say who is allowed, but not how to log in: [auth].")
    if missing := [key for key in _KEYS if not auth.get(key)]:
        return Rules(True, problem=f"In the secrets [auth] lacks {', '.join(missing)}.")
    for library, module in _LIBRARIES.items():
        if importlib.util.find_spec(module) is None:
            return Rules(True, problem=str(MissingExtra(library, "login")))
    if allowed is None:
        return Rules(True)
    if not isinstance(allowed, list) or not all(isinstance(entry, str) for entry in allowed):
        return Rules(True, problem="In the secrets [ferapp] allowed is no list of addresses.")
    return Rules(True, allowed=tuple(entry.lower().removeprefix("@") for entry in allowed))


def refusal(user: Mapping[str, Any], allowed: Iterable[str] | None) -> str:
    """Why somebody who has logged in may not go on, in a sentence; empty for who may.

    Args:
        user: The claims that the provider made.
        allowed: Addresses (`ann@example.org`) and domains (`example.org`), in small letters; None
            allows everybody.
    """
    if allowed is None:
        return ""
    address = user.get("email")
    # Whoever may type any address at the provider is not its owner.
    if not isinstance(address, str) or user.get("email_verified") is not True:
        return "This app is for listed e-mail addresses, and your login comes with no verified one."
    address = address.lower()
    if {address, address.rpartition("@")[2]} & set(allowed):
        return ""
    return f"{address} is not on the list of those who may use this app. Ask whoever runs it."
