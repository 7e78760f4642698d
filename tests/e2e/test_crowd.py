"""Many visitors over real WebSockets: own results for everyone, and limits for uploads."""

import pytest

from ferapp.ui.server.upload_limit import MAX_SESSION_FILES
from stress import crowd
from stress.visitor import Visitor
from tests.e2e.conftest import Server
from tests.support.places import SAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.live]


def test_in_a_crowd_all_visitors_get_their_own_results() -> None:
    outcome = crowd.run(visitors=8, live=0, seconds=8, with_bombs=False)
    assert outcome.errors == [] and outcome.wrong == 0
    assert outcome.uploads >= 16 and len(outcome.page_s) > outcome.uploads


def test_a_visitor_cannot_exceed_the_file_limit(server: Server) -> None:
    """A client can send to the upload address whatever the page allows."""
    with Visitor(server.url) as greedy, Visitor(server.url) as other:
        greedy.open()
        for number in range(MAX_SESSION_FILES):
            url = f"/_stcore/upload_file/{greedy.session}/{number}"
            assert greedy.put(url, "a.jpg", b"x").status_code == 204
        refused = greedy.put(f"/_stcore/upload_file/{greedy.session}/one-more", "a.jpg", b"x")
        assert refused.status_code == 413 and "You already have 300 files here" in refused.text
        other.open()
        other.upload({"a.jpg": (SAMPLES / "astronaut.jpg").read_bytes()})
        assert "1 face in" in other.words
