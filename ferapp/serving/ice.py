"""Which addresses of an offer the server may send packets to.

A visitor's browser names addresses (*ICE candidates*) at which it can be reached, and the server
sends STUN packets to each. A visitor could name any address that the server reaches: a service of
its machine, or of the network behind it (server-side request forgery). So candidates that are not
plausibly the visitor's are left out. The connection doesn't depend on them: a browser also sends
packets to the server, which learns the address from those.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ferapp.errors import SettingError, UserError

MAX_CANDIDATES: Final = 16
"""How many addresses of one visitor the server tries, for all media together."""

MAX_MEDIA: Final = 3
"""Most media in an offer; each has sockets of its own. A browser names one, or one a kind."""

MAX_OFFER: Final = 100_000
"""Longest offer, in characters; those of browsers have up to about ten thousand."""

# What a browser trickles in one message; the rest is not looked at.
_MOST_LOOKED_AT: Final = 10 * MAX_CANDIDATES
# Below are services of the system; browsers send from above (WebRTC in Chromium does the same).
_FIRST_PORT: Final = 1024
# Browsers hide a local address behind such a name (RFC 9716); other names are not made by them.
_HIDDEN: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local", re.IGNORECASE)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")

_DIRECTION: Final = re.compile(r"a=(sendrecv|sendonly|recvonly|inactive)\b").match
_RECEIVES: Final = "a=recvonly"  # in the words of the browser

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


@dataclass(frozen=True)
class Peer:
    """Where a visitor is, as far as the server knows.

    Attributes:
        address: From which the page was opened; None if unknown.
        is_here: Whether that is this machine, through no proxy.
        networks: Those in which the operator lets the server contact visitors.
    """

    address: str | None = None
    is_here: bool = False
    networks: Networks = ()


class CandidateFilter:
    """Passes on the candidates of one connection that the server may send packets to.

    Args:
        peer: The visitor.
    """

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._passed: dict[str, str] = {}

    def filter_offer(self, sdp: str) -> str:
        """The offer without the candidates that are not for this server.

        Its end-of-candidates is left out as well: the browser's own packets may still come. Sound
        is not received, whether or not a browser offers it.

        Raises:
            UserError: No browser makes such an offer.
        """
        lines = sdp.splitlines()
        media = [line for line in lines if line.startswith("m=")]
        if len(sdp) > MAX_OFFER or len(media) > MAX_MEDIA or not all(map(_is_medium, media)):
            raise UserError("The browser's offer for live video is not valid. Reload the page.")
        kept, is_sound = [], False
        for line in lines:
            if line.startswith("m="):
                is_sound = line.startswith("m=audio ")
                kept += [line, *([_RECEIVES] if is_sound else [])]
            elif line.startswith("a=candidate"):
                candidate = self._admit(line)
                kept += [candidate] if candidate else []
            elif not (line.startswith("a=end-of-candidates") or (is_sound and _DIRECTION(line))):
                kept.append(line)
        return "\r\n".join([*kept, ""])

    def filter_trickled(
        self, candidates: Mapping[str, Mapping[str, object]]
    ) -> dict[str, dict[str, object]]:
        """Those of the later candidates that are for this server.

        Args:
            candidates: By id; ``candidate`` holds the text. The same ones may come again.
        """
        kept = {}
        for name, fields in islice(candidates.items(), _MOST_LOOKED_AT):
            text = fields.get("candidate")
            candidate = self._admit(text) if isinstance(text, str) else None
            if candidate:
                kept[name] = {**fields, "candidate": candidate}
        return kept

    def _admit(self, text: str) -> str | None:
        if text in self._passed:
            return self._passed[text]
        if len(self._passed) >= MAX_CANDIDATES:
            return None
        admitted = _admitted(text, self._peer)
        if admitted:
            self._passed[text] = admitted
        return admitted


def parse_networks(text: str) -> Networks:
    """Networks from a setting, such as ``192.168.0.0/16 fd00::/8``.

    Raises:
        SettingError: One of them is none.
    """
    try:
        return tuple(ipaddress.ip_network(part) for part in text.replace(",", " ").split())
    except ValueError as exc:
        raise SettingError(
            "FERAPP_ICE_NETWORKS has a network that can't be read; expected something like "
            "192.168.0.0/16. Live video stays off until the operator fixes this."
        ) from exc


def _is_medium(line: str) -> bool:
    return line.startswith(("m=video ", "m=audio "))


def _admitted(text: str, peer: Peer) -> str | None:
    """A candidate as the server may use it; None if it may not (RFC 8839, 5.1)."""
    fields = text.split()
    if len(fields) < 8 or fields[2].lower() != "udp" or fields[1] != "1":
        return None
    host, port = fields[4:6]
    if not (port.isascii() and port.isdecimal() and _FIRST_PORT <= int(port) < 65_536):
        return None
    if _HIDDEN.fullmatch(host):
        if peer.is_here:
            return text
        address = _plain(peer.address)
        # Asking the network for the name would let anybody in it answer.
        if address is None or address.is_global or not may_reach(str(address), peer):
            return None
        fields[4] = str(address)
        return " ".join(fields)
    return text if may_reach(host, peer) else None


def may_reach(host: str, peer: Peer) -> bool:
    """Whether the server may send packets to an address that a visitor names.

    Example:
        >>> may_reach("127.0.0.1", Peer("203.0.113.7"))
        False
        >>> may_reach("192.168.1.7", Peer("192.168.1.7"))
        True
    """
    address = _plain(host)
    if address is None or not _is_one_machine(address):
        return False
    is_the_visitor_s = address == _plain(peer.address) and not address.is_loopback
    if peer.is_here or is_the_visitor_s or _is_in(address, peer.networks):
        return True
    is_public = address.is_global and not getattr(address, "is_site_local", False)
    return is_public and not _is_of_this_machine(address)


def _plain(host: str | None) -> _Address | None:
    """The address; for one that stands for an IPv4 address, that. None if it is a name."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    has_ipv4 = address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF)
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if has_ipv4 else address


def _is_one_machine(address: _Address) -> bool:
    is_reserved = address.is_reserved and not address.is_loopback
    return not (address.is_multicast or address.is_unspecified or is_reserved)


def _is_in(address: _Address, networks: Iterable[object]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator]


def _is_of_this_machine(address: _Address) -> bool:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
