"""Nothing leaves the machine: counted on a network interface, not promised."""

import pytest

from tests.support.no_packet import used_alone, why_not

pytestmark = pytest.mark.e2e


def test_no_packet_leaves_while_every_page_is_used() -> None:
    if reason := why_not():
        pytest.skip(reason)
    told = used_alone()
    assert told["sent_with_one_on_purpose"] == told["sent"] + 1, "or nothing is counted"
    assert told["sent"] == 0 == told["sent_bytes"] and told["foreign"] == [] and told["shown"] > 10
