"""How slowly a client may ask and read, how much at once, and how many connections it may have.

The server waits for ever for the rest of a request (slow HTTP, "Slowloris") and for who reads an
answer ("slow read"), and takes any number of connections. A proxy in front limits all three; this
is for a server that is reached directly.
"""

import asyncio
import ipaddress
import os
import socket
import struct
from collections.abc import Callable
from typing import Any, Final

MAX_REQUEST_S: Final = 10.0
"""How long the head of a request may take to come."""

MAX_STANDSTILL_S: Final = 60.0
"""How long a client may take for `LEAST_READ_BYTES` of an answer, or for what is left of it."""

LEAST_READ_BYTES: Final = 240_000
"""Four kilobytes a second. Less is no connection with which the app could be used, and the system
reports what was read only in steps of up to a megabyte, so that the time can't be short."""

MAX_MESSAGE_BYTES: Final = 2_000_000
"""What a page may send over its WebSocket at once; all of a page's settings and the names of 300
files are less than half a megabyte. The server keeps a message that has begun as long as its
sender likes."""

MAX_CONNECTIONS: Final = 4096
"""How many connections from other machines are kept, however many files the system allows."""

_OTHER_FILES: Final = 2
"""Of the files that the system allows, one in so many is for these connections."""

_A_CONNECTION_OF: Final = 4
"""Of all connections, one address may have one in so many; many visitors may share a proxy."""


def connection_limit() -> int:
    """How many connections from other machines leave enough files for all else."""
    try:
        import resource  # there is none on Windows
    except ImportError:
        return MAX_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(min(files // _OTHER_FILES, MAX_CONNECTIONS), _A_CONNECTION_OF)


class ConnectionGuard:
    """Closes connections that are too slow or too many; called on the event loop.

    Args:
        max_request_s: See `MAX_REQUEST_S`.
        max_standstill_s: See `MAX_STANDSTILL_S`.
        max_connections: How many from other machines; see `connection_limit`.
    """

    def __init__(
        self,
        *,
        max_request_s: float = MAX_REQUEST_S,
        max_standstill_s: float = MAX_STANDSTILL_S,
        max_connections: int | None = None,
    ) -> None:
        self._max_request_s = max_request_s
        self._max_standstill_s = max_standstill_s
        self._max_connections = max_connections or connection_limit()
        self._open: dict[Any, str] = {}
        self._requests: dict[Any, asyncio.TimerHandle] = {}
        self._answers: dict[Any, asyncio.TimerHandle] = {}

    def admit(self, transport: Any) -> bool:
        """Whether a new connection is one too many, from everybody or from its address.

        Those of this machine always get in: a proxy, or its person.
        """
        address = _address(transport)
        if address is None:
            return True
        # Also those that became WebSockets, whose end nobody tells.
        self._open = {t: a for t, a in self._open.items() if not _is_over(t)}
        own = sum(other == address for other in self._open.values())
        is_room = len(self._open) < self._max_connections
        if not is_room or own >= self._max_connections // _A_CONNECTION_OF:
            return False
        self._open[transport] = address
        return True

    def watch_request(
        self, connection: object, transport: Any, is_reading: Callable[[], bool]
    ) -> None:
        """To be called when a connection was made, and after each part of a request.

        Args:
            connection: What stands for it.
            transport: Its transport.
            is_reading: Whether it waits for the head of a request, or for the rest of one that is
                answered.
        """
        if transport.is_closing() or not is_reading():
            _cancel(self._requests, connection)
        elif connection not in self._requests:

            def end() -> None:
                del self._requests[connection]
                if is_reading():
                    transport.abort()

            loop = asyncio.get_running_loop()
            self._requests[connection] = loop.call_later(self._max_request_s, end)

    def watch_answer(self, connection: object, transport: Any) -> None:
        """To be called when more of an answer is waiting than a client has read, and at its end.

        Args:
            connection: What stands for it.
            transport: Its transport.
        """
        self.forget_answer(connection)
        waiting = transport.get_write_buffer_size()
        if not waiting:
            return

        def look() -> None:
            del self._answers[connection]
            left = transport.get_write_buffer_size()
            if left and waiting - left < LEAST_READ_BYTES:
                _reset(transport)
            else:
                self.watch_answer(connection, transport)

        loop = asyncio.get_running_loop()
        self._answers[connection] = loop.call_later(self._max_standstill_s, look)

    def forget_answer(self, connection: object) -> None:
        """To be called when little of an answer is waiting; may be called twice."""
        _cancel(self._answers, connection)

    def forget(self, connection: object) -> None:
        """To be called when a connection is lost; may be called twice."""
        _cancel(self._requests, connection)
        _cancel(self._answers, connection)


def _cancel(timers: dict[Any, asyncio.TimerHandle], connection: object) -> None:
    timer = timers.pop(connection, None)
    if timer:
        timer.cancel()


def _reset(transport: Any) -> None:
    """Close a connection; the system drops what it has of the answer as well, up to megabytes."""
    at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    transport.abort()


def _is_over(transport: Any) -> bool:
    """Whether a connection is closed; until all is read, it is only closing."""
    return bool(transport.is_closing() and not transport.get_write_buffer_size())


def _address(transport: Any) -> str | None:
    """The address at the other end; for IPv6 its network; None for this machine."""
    peer = transport.get_extra_info("peername")
    try:
        address = ipaddress.ip_address(peer[0].partition("%")[0])
    except (TypeError, ValueError, IndexError):
        return None  # a socket of this machine
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            # Whoever has one address has the whole network of the provider's customer.
            network = ipaddress.ip_network((address, 64), strict=False)
            return None if address.is_loopback else str(network)
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)
