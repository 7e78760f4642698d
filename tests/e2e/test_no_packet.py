"""Nothing leaves the machine: counted on a network interface, not promised."""

import pytest

from tests.support.no_packet import missing_requirement, use_in_own_network

pytestmark = pytest.mark.e2e


def test_no_packet_leaves_while_every_page_is_used() -> None:
    if reason := missing_requirement():
        pytest.skip(reason)
    told = use_in_own_network()
    assert told["sent_with_one_on_purpose"] == told["sent"] + 1, "or nothing is counted"
    assert told["sent"] == 0 == told["sent_bytes"] and told["foreign"] == [] and told["shown"] > 10
