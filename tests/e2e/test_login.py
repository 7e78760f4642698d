"""Login with a provider on this machine, in a real browser."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from ferapp.wording import counted
from tests.e2e.conftest import Server, sync_api
from tests.e2e.processes import free_port
from tests.support.browser import agree
from tests.support.places import SAMPLES
from tests.support.uploads import open_session, put_file, xsrf_token

pytestmark = pytest.mark.e2e

PEOPLE = {
    "ann": {"name": "Ann **A**", "email": "ann@example.org", "email_verified": True},
    "bob": {"name": "Bob", "email": "bob@friends.example", "email_verified": True},
    "eve": {"name": "Eve", "email": "eve@example.org", "email_verified": True},
    "mallory": {"name": "Mallory", "email": "ann@example.org", "email_verified": False},
}
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "a secret of at least thirty-two characters"
client_id = "ferapp"
client_secret = "another secret"
server_metadata_url = "{provider}/.well-known/openid-configuration"

[ferapp]
allowed = ["ann@example.org", "friends.example"]
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of an OpenID Connect provider that lets everyone in."""
    port = free_port()
    claims = [json.dumps({"sub": sub, **claims}) for sub, claims in PEOPLE.items()]
    # In a process of its own, because its libraries give deprecation warnings.
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
        + [word for claim in claims for word in ("--user-claims", claim)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{url}/jwks", timeout=1):
                break
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def login_server(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app with a login."""
    file = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    file.write_text(SECRETS.format(provider=provider))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SECRETS_FILES", str(file))
        running = Server()
    yield running
    running.stop()


OpenAs = Callable[..., "sync_api.Page"]


@pytest.fixture
def open_as(login_server: Server, browser: "sync_api.Browser") -> Iterator[OpenAs]:
    """Open an address of the app in a new browser context, and log in as `sub` if given."""
    contexts = []

    def open_page(sub: str = "", path: str = "") -> "sync_api.Page":
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        # The provider's page requests a stylesheet from the network.
        page.route("https://**", lambda route: route.abort())
        page.goto(f"{login_server.url}{path}")
        page.get_by_role("button", name="Log in").wait_for()
        if sub:
            page.get_by_role("button", name="Log in").click()
            page.get_by_role("button", name=sub, exact=True).click()
            page.get_by_role("button", name="Log out").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()


def is_closed(page: "sync_api.Page") -> bool:
    page.get_by_role("heading", name="Log in").wait_for()
    return not (
        page.locator("input[type=file]").count()
        or page.get_by_role("link", name="Dashboard").count()
        or page.get_by_text("Expert settings", exact=True).count()
    )


@pytest.mark.parametrize("path", ["", "/live", "/video", "/dashboard", "/about"])
def test_every_page_asks_for_a_login_first(open_as: OpenAs, path: str) -> None:
    page = open_as(path=path)
    page.wait_for_timeout(1000)
    assert is_closed(page)
    assert page.get_by_role("heading").all_text_contents() == ["Log in"]


def test_uploads_without_a_login_are_refused(login_server: Server) -> None:
    with open_session(login_server) as session:
        assert (
            put_file(login_server, session.initialize.session_id, xsrf_token(login_server)) == 403
        )


def test_two_people_see_only_the_sessions_they_recorded(open_as: OpenAs) -> None:
    people = (("ann", "Ann **A**", "astronaut", 1), ("bob", "Bob", "eight-expressions", 8))
    for sub, name, sample, faces in people:
        page = open_as(sub)
        assert page.get_by_text(name, exact=True).count() == 1
        page.get_by_role("link", name="Dashboard").click()
        page.get_by_text("Nothing is recorded yet.").wait_for()
        page.get_by_role("link", name="Pictures").click()
        page.get_by_role("heading", name="Pictures", exact=True).wait_for()
        page.locator("input[type=file]").set_input_files(SAMPLES / f"{sample}.jpg")
        # Until it is there, the button keeps the sample that was shown before.
        page.get_by_role("img", name=re.compile(rf"^{counted(faces, 'face')}: ")).wait_for()
        page.get_by_role("button", name="Keep as a session").click()
        agree(page)
        page.get_by_role("link", name="Open the dashboard").click()
        page.get_by_text(f"· {counted(faces, 'reading')} with").wait_for()
    for sub, _, _, faces in people:
        page = open_as(sub)
        page.get_by_role("link", name="Dashboard").click()
        page.get_by_text(f"· {counted(faces, 'reading')} with").wait_for()
        page.get_by_role("combobox", name="Session").click()
        page.get_by_role("option").first.wait_for()
        assert page.get_by_role("option").count() == 1


def test_after_a_logout_the_app_is_closed_again_for_every_copy_of_the_cookie(
    open_as: OpenAs, login_server: Server
) -> None:
    page = open_as("ann")
    page.locator("input[type=file]").wait_for(state="attached")
    copied = page.context.cookies()
    thief = open_as()
    thief.context.add_cookies(copied)
    thief.goto(login_server.url)
    thief.get_by_role("button", name="Log out").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="End session").click()
    page.wait_for_url(f"{login_server.url}/")
    assert is_closed(page)
    page.goto(f"{login_server.url}/dashboard")
    assert is_closed(page)
    # A page that was open with the copy is cut off, and connects again without a login.
    with thief.expect_event("websocket"):
        thief.get_by_role("link", name="Dashboard").click()
    thief.wait_for_timeout(1000)
    thief.get_by_role("link", name="About").click()
    assert is_closed(thief)
    thief.context.clear_cookies()
    thief.context.add_cookies(copied)
    thief.goto(f"{login_server.url}/dashboard")
    assert is_closed(thief)


def test_nobody_can_log_a_visitor_in_as_somebody_else(open_as: OpenAs) -> None:
    attacker, visitor = open_as(), open_as()
    attacker.get_by_role("button", name="Log in").click()
    attacker.get_by_role("button", name="ann", exact=True).wait_for()
    request = attacker.context.request
    answer = request.post(attacker.url, form={"sub": "ann"}, max_redirects=0)
    callback = answer.headers["location"]
    assert "/oauth2callback?" in callback and "code=" in callback and "state=" in callback
    visitor.goto(callback)
    assert is_closed(visitor)
    assert "_streamlit_user" not in {cookie["name"] for cookie in visitor.context.cookies()}


@pytest.mark.parametrize(
    ("sub", "message"),
    [
        ("eve", "eve@example.org is not on the list of people who may use this app."),
        ("mallory", "your login has no verified one."),
    ],
)
def test_a_visitor_who_is_not_on_the_list_sees_a_refusal(
    open_as: OpenAs, sub: str, message: str
) -> None:
    page = open_as(sub)
    page.get_by_text(message).wait_for()
    assert is_closed(page)


def test_a_forged_cookie_logs_nobody_in(open_as: OpenAs, login_server: Server) -> None:
    page = open_as("ann")
    cookies = page.context.cookies()
    mine = next(cookie for cookie in cookies if cookie["name"] == "_streamlit_user")
    assert mine["httpOnly"] and mine["sameSite"] == "Lax"
    page.context.add_cookies([mine | {"value": mine["value"][:-4] + "AAAA"}])
    page.goto(login_server.url)
    assert is_closed(page)
