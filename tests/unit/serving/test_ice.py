"""An offer for live video makes the server send packets to nobody but the visitor."""

import pytest

from ferapp.errors import SettingError, UserError
from ferapp.serving.ice import (
    MAX_CANDIDATES,
    MAX_MEDIA,
    CandidateFilter,
    Peer,
    may_reach,
    parse_networks,
)

HERE = Peer(is_here=True)
ELSEWHERE = Peer("8.8.4.4")
LAN = Peer("192.168.1.7")
UNKNOWN = Peer()
HIDDEN = "0b1a0b57-2ef6-4a9c-9d1a-6f3d0c6b5a11.local"


def candidate(host: str, port: int | str = 50_000, *, transport: str = "udp", part: int = 1) -> str:
    return f"candidate:1 {part} {transport} 2122260223 {host} {port} typ host generation 0"


def offer(*candidates: str, media: int = 1) -> str:
    lines = ["v=0", "s=-"]
    for _ in range(media):
        lines += ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0"]
    lines += [*(f"a={text}" for text in candidates), "a=end-of-candidates", "a=setup:actpass"]
    return "\r\n".join([*lines, ""])


NEAR = (
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "::7f00:1",
    "2002:7f00:1::",
    "10.0.0.1",
    "172.17.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "64:ff9b::a00:1",
    "fd00::1",
    "169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "2001:0:1::1",
)
NOBODY = ("0.0.0.0", "::", "224.0.0.251", "ff02::fb", "255.255.255.255", "240.0.0.1", "::ffff:0:0")
NO_ADDRESSES = ("localhost", "printer.local", "127.1", "0x7f.1", "2130706433", "", "a b")


@pytest.mark.parametrize("host", [*NEAR, *NOBODY, *NO_ADDRESSES])
@pytest.mark.parametrize("peer", [ELSEWHERE, UNKNOWN, LAN], ids=["elsewhere", "unknown", "lan"])
def test_a_visitor_from_elsewhere_reaches_nothing_near_the_server(host: str, peer: Peer) -> None:
    assert not may_reach(host, peer)


@pytest.mark.parametrize("host", [*NEAR, "8.8.4.4"])
def test_the_person_at_the_machine_is_reached_at_any_address_of_one_machine(host: str) -> None:
    assert may_reach(host, HERE)


@pytest.mark.parametrize("host", [*NOBODY, *NO_ADDRESSES])
def test_nobody_reaches_groups_and_other_names(host: str) -> None:
    assert not may_reach(host, HERE)


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_tried_for_everybody(host: str) -> None:
    assert may_reach(host, ELSEWHERE) and may_reach(host, LAN)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("192.168.1.7", "::ffff:192.168.1.7"),
        ("fd00::7", "fd00::7"),
        ("100.64.3.4", "100.64.3.4"),
    ],
)
def test_a_visitor_of_the_same_network_is_reached_at_the_own_address(
    host: str, address: str
) -> None:
    assert may_reach(host, Peer(address))


def test_a_proxy_that_claims_loopback_opens_nothing() -> None:
    assert not may_reach("127.0.0.9", Peer("127.0.0.9"))


def test_a_public_address_of_the_server_itself_is_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ferapp.serving.ice._is_of_this_machine", lambda _: True)
    assert not may_reach("203.0.114.9", ELSEWHERE)


def test_the_operator_can_open_networks() -> None:
    peer = Peer("8.8.4.4", networks=parse_networks("192.168.0.0/16, fd00::/8"))
    assert may_reach("192.168.3.4", peer) and may_reach("fd00::9", peer)
    assert not may_reach("10.0.0.1", peer)


@pytest.mark.parametrize("text", ["192.168.0.1/16", "near", "::/200"])
def test_a_setting_that_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="FERAPP_ICE_NETWORKS"):
        parse_networks(text)


@pytest.mark.parametrize(
    "text",
    [
        candidate("8.8.8.8", transport="tcp"),
        candidate("8.8.8.8", transport="ssltcp"),
        candidate("8.8.8.8", part=2),
        candidate("8.8.8.8", 53),
        candidate("8.8.8.8", 0),
        candidate("8.8.8.8", 65_536),
        candidate("8.8.8.8", "-1"),
        candidate("8.8.8.8", "٥٠٠٠٠"),
        candidate(HIDDEN),
        "candidate:1 1 udp 1 8.8.8.8",
        "candidate:",
        "",
    ],
)
def test_candidates_of_other_kinds_are_left_out(text: str) -> None:
    assert "candidate" not in CandidateFilter(ELSEWHERE).filter_offer(offer(text))
    assert not CandidateFilter(ELSEWHERE).filter_trickled({"1": {"candidate": text}})


def test_what_else_is_in_an_offer_stays() -> None:
    plain = "v=0\r\ns=-\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=setup:actpass\r\n"
    near, far = candidate("127.0.0.1"), candidate("8.8.8.8")
    assert CandidateFilter(ELSEWHERE).filter_offer(offer(near)) == plain
    assert f"a={far}\r\n" in CandidateFilter(ELSEWHERE).filter_offer(offer(near, far))
    assert f"a={near}\r\n" in CandidateFilter(HERE).filter_offer(offer(near))


@pytest.mark.parametrize("separator", ["\n", "\r", "\x0b", "\u2028"])
def test_a_line_by_any_separator_is_looked_at(separator: str) -> None:
    hidden = offer().replace("a=mid:0", f"a=mid:0{separator}a={candidate('127.0.0.1')}")
    assert "127.0.0.1" not in CandidateFilter(ELSEWHERE).filter_offer(hidden)


def test_a_hidden_address_is_the_visitor_s_own() -> None:
    later = {"1": {"candidate": candidate(HIDDEN), "sdpMid": "0"}}
    kept = CandidateFilter(LAN).filter_trickled(later)
    assert kept == {"1": {"candidate": candidate("192.168.1.7"), "sdpMid": "0"}}
    assert CandidateFilter(HERE).filter_trickled(later) == later
    printer = {"1": {"candidate": candidate("printer.local")}}
    assert not CandidateFilter(HERE).filter_trickled(printer)


def test_the_number_of_addresses_is_bounded_over_all_messages() -> None:
    candidates = CandidateFilter(ELSEWHERE)
    first = candidates.filter_offer(offer(*(candidate("8.8.8.8", 2000 + n) for n in range(10))))
    later = {str(n): {"candidate": candidate("8.8.8.8", 3000 + n)} for n in range(1000)}
    kept = candidates.filter_trickled(later)
    assert first.count("a=candidate") + len(kept) == MAX_CANDIDATES
    assert candidates.filter_trickled(later) == kept, "a page that reruns loses none"


@pytest.mark.parametrize("direction", ["", "a=sendrecv", "a=sendonly", "a=recvonly"])
def test_sound_is_never_received(direction: str) -> None:
    sound = f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{direction}\r\na=mid:1\r\n"
    kept = CandidateFilter(HERE).filter_offer(offer() + "a=sendrecv\r\n" + sound)
    video, _, audio = kept.partition("m=audio")
    assert "a=sendrecv" in video
    assert [line for line in audio.splitlines() if "send" in line or "recv" in line] == [
        "a=recvonly"
    ]


@pytest.mark.parametrize("value", [None, 7, ["candidate"], {"candidate": 1}])
def test_values_of_other_kinds_are_left_out(value: object) -> None:
    assert not CandidateFilter(HERE).filter_trickled({"1": {"candidate": value}})


@pytest.mark.parametrize(
    "sdp",
    [
        offer(media=MAX_MEDIA + 1),
        offer() + "a=x:" + "y" * 100_000,
        offer() + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        offer() + "m=text 9 RTP/AVP 1\r\n",
    ],
)
def test_an_offer_with_too_much_is_refused(sdp: str) -> None:
    with pytest.raises(UserError, match="not valid"):
        CandidateFilter(HERE).filter_offer(sdp)
