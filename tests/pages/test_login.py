"""The login, in AppTest: who is let in, and what happens when it is not set up."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from ferapp.sessions.store import Store
from ferapp.ui.server import login_rules
from tests.support.apps import page_text
from tests.support.places import ROOT
from tests.support.sessions import some_readings
from tests.support.stores import add_session

AUTH = {
    "redirect_uri": "http://127.0.0.1:8501/oauth2callback",
    "cookie_secret": "a secret of at least thirty-two characters",
    "client_id": "ferapp",
    "client_secret": "another secret",
    "server_metadata_url": "http://127.0.0.1:9400/.well-known/openid-configuration",
}
ANN = {
    "is_logged_in": True,
    "iss": "http://127.0.0.1:9400",
    "sub": "ann",
    "name": "Ann **bold** ![x](http://evil/x.png)",
    "email": "Ann@Example.org",
    "email_verified": True,
}
BOB = ANN | {"sub": "bob", "name": "Bob", "email": "bob@example.com"}
LOGGED_OUT = {"is_logged_in": False}


def visit(
    secrets: dict[str, Any], user: dict[str, Any], script: str = "ferapp/ui/navigation.py"
) -> AppTest:
    at = AppTest.from_file(ROOT / script, default_timeout=30)
    at.secrets.update(copy.deepcopy(secrets))
    at.user = user
    return at.run()


@pytest.fixture
def secrets_file() -> Iterator[Callable[[Path], None]]:
    """Set where the operator's secrets are."""
    before = st.get_option("secrets.files")
    yield lambda file: config.set_option("secrets.files", [str(file)])
    config.set_option("secrets.files", before)


def is_closed(at: AppTest) -> bool:
    """Whether only the login page is shown."""
    assert not at.exception
    return (
        [title.value for title in at.title] == ["Log in"]
        and not at.get("file_uploader")
        and not at.sidebar
    )


def button_labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def test_without_secrets_every_visitor_is_let_in() -> None:
    at = visit({}, {})
    assert at.get("file_uploader") and "Log out" not in button_labels(at)


def test_secrets_about_other_things_ask_for_no_login() -> None:
    assert visit({"FERAPP_TEST_SECRET": "x"}, {}).get("file_uploader")


def test_before_login_only_one_button_is_shown() -> None:
    at = visit({"auth": AUTH}, LOGGED_OUT)
    assert is_closed(at) and button_labels(at) == ["Log in"]


def test_after_login_the_name_is_text_and_log_out_closes_the_app() -> None:
    at = visit({"auth": AUTH}, ANN)
    assert at.get("file_uploader")
    assert at.sidebar.text[0].value == ANN["name"]
    assert "Log out" in [button.label for button in at.sidebar.button]
    next(button for button in at.button if button.label == "Log out").click().run()
    assert is_closed(at) and button_labels(at) == ["Log in"]


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ({"auth": {}}, "lacks redirect_uri, cookie_secret, client_id, client_secret, server_"),
        ({"auth": AUTH | {"client_secret": ""}}, "[auth] lacks client_secret."),
        ({"auth": "yes"}, "not how to log in"),
        ({"ferapp": {"allowed": ["ann@example.org"]}}, "not how to log in"),
        ({"auth": AUTH, "ferapp": {"allowed": "ann@example.org"}}, "not a list of addresses"),
        ({"auth": AUTH, "ferapp": {"allowed": [1]}}, "not a list of addresses"),
    ],
)
@pytest.mark.parametrize("user", [LOGGED_OUT, ANN], ids=["nobody", "somebody"])
def test_an_incomplete_login_lets_nobody_in(
    secrets: dict[str, Any], message: str, user: dict[str, Any]
) -> None:
    at = visit(secrets, user)
    assert is_closed(at) and message in page_text(at)
    assert "Log in" not in button_labels(at)


@pytest.mark.parametrize("library", login_rules._LIBRARIES)
def test_a_login_without_its_libraries_lets_nobody_in(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = login_rules.importlib.util.find_spec
    missing = login_rules._LIBRARIES[library]
    monkeypatch.setattr(
        login_rules.importlib.util,
        "find_spec",
        lambda name: None if name == missing else find(name),
    )
    at = visit({"auth": AUTH}, LOGGED_OUT)
    assert is_closed(at) and f"needs {library}" in page_text(at) and '".[login]"' in page_text(at)


@pytest.mark.parametrize("kind", ["broken", "folder"])
def test_secrets_that_cannot_be_read_let_nobody_in(
    kind: str, tmp_path: Path, secrets_file: Callable[[Path], None]
) -> None:
    file = tmp_path / "secrets.toml"
    secrets_file(file)
    assert visit({}, {}).get("file_uploader"), "there are no secrets yet"
    if kind == "folder":
        file.mkdir()
    else:
        file.write_text("[auth\n")
    at = visit({}, {})
    assert is_closed(at) and "can't be read" in page_text(at)


NOT_LISTED = "not on the list"
UNVERIFIED = "no verified one"


@pytest.mark.parametrize(
    ("allowed", "claims", "message"),
    [
        pytest.param(None, {}, "", id="no list"),
        pytest.param(["ann@example.org"], {}, "", id="the address in other case"),
        pytest.param(["ANN@Example.ORG"], {}, "", id="the list in capitals"),
        pytest.param(["example.org"], {}, "", id="the domain"),
        pytest.param(["@example.org"], {}, "", id="the domain with an @"),
        pytest.param([], {}, NOT_LISTED, id="an empty list"),
        pytest.param(["ann@example.com"], {}, NOT_LISTED, id="another domain"),
        pytest.param(["ple.org"], {}, NOT_LISTED, id="the end of a domain"),
        pytest.param(["org"], {"email": "ann@sub.org"}, NOT_LISTED, id="a parent domain"),
        pytest.param(["ann"], {}, NOT_LISTED, id="a part of the address"),
        pytest.param(["example.org"], {"email_verified": False}, UNVERIFIED, id="not verified"),
        pytest.param(["example.org"], {"email_verified": "true"}, UNVERIFIED, id="a word"),
        pytest.param(["example.org"], {"email_verified": None}, UNVERIFIED, id="not stated"),
        pytest.param(["example.org"], {"email": None}, UNVERIFIED, id="no address"),
    ],
)
def test_only_listed_and_verified_addresses_are_let_in(
    allowed: list[str] | None, claims: dict[str, Any], message: str
) -> None:
    secrets = {"auth": AUTH} | ({} if allowed is None else {"ferapp": {"allowed": allowed}})
    at = visit(secrets, ANN | claims)
    if message:
        assert is_closed(at) and message in page_text(at) and button_labels(at) == ["Log out"]
    else:
        assert at.get("file_uploader")


def test_visitors_see_only_their_own_sessions(store: Store) -> None:
    for user, title in ((ANN, "Of Ann"), (BOB, "Of Bob")):
        add_session(store, some_readings(20), owner=f"{user['iss']}|{user['sub']}", title=title)
    add_session(store, some_readings(20), title="Of the machine")
    for user, title in ((ANN, "Of Ann"), (BOB, "Of Bob")):
        at = visit({"auth": AUTH}, user, "pages/dashboard.py")
        assert [option.split(" (")[0] for option in at.selectbox(key="session").options] == [title]


@pytest.mark.parametrize("user", [LOGGED_OUT, ANN | {"sub": ""}], ids=["logged out", "nameless"])
def test_a_visitor_without_an_identity_has_no_sessions(store: Store, user: dict[str, Any]) -> None:
    add_session(store, some_readings(20), title="Of the machine")
    at = visit({"auth": AUTH}, user, "pages/dashboard.py")
    assert not at.selectbox and "Log in again" in page_text(at)
