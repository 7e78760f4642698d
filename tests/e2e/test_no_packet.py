"""No packet leaves the machine, counted on a network interface."""

import pytest

from tests.support.no_packet import missing_requirement, use_in_own_network

pytestmark = pytest.mark.e2e


def test_no_packet_leaves_while_every_page_is_used() -> None:
    if reason := missing_requirement():
        pytest.skip(reason)
    counts = use_in_own_network()
    assert counts["sent_with_one_on_purpose"] == counts["sent"] + 1, "or nothing is counted"
    assert counts["sent"] == 0 == counts["sent_bytes"]
    assert counts["reached"] == [], "by pages of other sites"
    assert counts["foreign"] == [] and counts["shown"] > 10
