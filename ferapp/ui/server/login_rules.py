"""Who may use the app: everyone who can reach it or, if the operator wants it, logged-in visitors.

Streamlit does the OpenID Connect (`st.login`); `[auth]` in `.streamlit/secrets.toml` switches it
on. The rules are checked before any page runs; if anything is wrong with them, nobody gets in.
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
    """What the operator requires of visitors.

    Attributes:
        needs_login: Whether they have to log in.
        allowed: E-mail addresses and domains that may enter; None for all who can log in.
        problem: Why nobody can enter, in a sentence; empty if all is well.
    """

    needs_login: bool
    allowed: tuple[str, ...] | None = None
    problem: str = ""


def login_rules() -> Rules:
    """The rules in the secrets; if these can't be read or understood, nobody gets in."""
    try:
        is_there = st.secrets.load_if_toml_exists()
    except OSError:
        is_there = False
    if is_there:
        return _rules_of(st.secrets.to_dict())
    # Streamlit treats a file that it can't read as missing.
    if any(Path(file).exists() for file in st.get_option("secrets.files")):
        return Rules(True, problem="The secrets file can't be read, so nobody can log in.")
    return Rules(False)


def _rules_of(secrets: Mapping[str, Any]) -> Rules:
    auth, allowed = secrets.get("auth"), secrets.get("ferapp", {}).get("allowed")
    if auth is None and allowed is None:
        return Rules(False)
    if not isinstance(auth, Mapping):
        return Rules(True, problem="The secrets say who is allowed, but not how to log in: [auth].")
    if missing := [key for key in _KEYS if not auth.get(key)]:
        return Rules(True, problem=f"In the secrets, [auth] lacks {', '.join(missing)}.")
    for library, module in _LIBRARIES.items():
        if importlib.util.find_spec(module) is None:
            return Rules(True, problem=str(MissingExtra(library, "login")))
    if allowed is None:
        return Rules(True)
    if not isinstance(allowed, list) or not all(isinstance(entry, str) for entry in allowed):
        return Rules(True, problem="In the secrets, [ferapp] allowed is not a list of addresses.")
    return Rules(True, allowed=tuple(entry.lower().removeprefix("@") for entry in allowed))


def refusal(user: Mapping[str, Any], allowed: Iterable[str] | None) -> str:
    """Why a logged-in visitor may not enter, in a sentence; empty if the visitor may.

    Args:
        user: The provider's claims about the visitor.
        allowed: Addresses (`ann@example.org`) and domains (`example.org`), in lower case; None
            allows everyone.
    """
    if allowed is None:
        return ""
    address = user.get("email")
    # Without verification, a visitor could enter somebody else's address at the provider.
    if not isinstance(address, str) or user.get("email_verified") is not True:
        return "This app is for listed e-mail addresses, and your login has no verified one."
    address = address.lower()
    if {address, address.rpartition("@")[2]} & set(allowed):
        return ""
    return f"{address} is not on the list of people who may use this app. Ask its operator."
