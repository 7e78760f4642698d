"""Video frames as soon as their last packet is here.

A sender marks the last packet of a frame (RFC 7741, section 4.1; RFC 6184, section 5.1). aiortc
ignores the mark and gives a frame out when a packet of the next one has come: one frame time of
waiting, 67 ms at 15 frames a second. It also waits for a packet that is lost for good until 512
others have come, which takes seconds. The text of the report is in
``docs/upstream/aiortc-marker-bit.md``; this module may go when both are fixed.
"""

from typing import Final

from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

_CLOCK_RATE: Final = 90_000  # of RTP time stamps of video, Hz
_PATIENCE: Final = _CLOCK_RATE // 2
"""How much newer packets may be than one that is missing: repeats take one or two round trips."""


class MarkerBuffer(JitterBuffer):
    """aiortc's buffer of packets, which gives out a video frame with its last packet.

    Without a mark, or where a sender's marks are wrong, the next frame ends the one before, as in
    aiortc. All methods are called on aiortc's event loop.
    """

    def __init__(self, capacity: int, prefetch: int = 0, is_video: bool = False) -> None:
        super().__init__(capacity, prefetch, is_video)
        self._has_right_marks = True
        self._given: int | None = None
        self._needs_keyframe_since: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Take a packet.

        Returns:
            Whether to ask the sender for a keyframe, and the first frame that is complete.
        """
        asks, frame = super().add(packet)
        if not self._is_video:
            return asks, frame
        if frame is None and self._drop_what_is_lost(packet):
            asks = True
            frame = self._remove_frame(packet.sequence_number)
        if asks:
            self._needs_keyframe_since = packet.timestamp
        if frame is not None:
            self._given = frame.timestamp
            if self._needs_keyframe_since is not None:
                if _depends_on_others(frame.data):
                    return self._asks_again(packet.timestamp) or asks, None
                self._needs_keyframe_since = None
        return asks, frame

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        if not self._is_video or not self._has_right_marks:
            return super()._remove_frame(sequence_number)
        self._skip_padding()
        length = self._marked_length()
        if length is None:
            return super()._remove_frame(sequence_number)
        # As if a packet of the next frame had come.
        place = (self._first + length) % self._capacity
        following = self._packets[place]
        self._packets[place] = following or RtpPacket(timestamp=-1)
        try:
            return super()._remove_frame(sequence_number)
        finally:
            self._packets[place] = following

    @property
    def _first(self) -> int:
        return self._origin or 0

    def _marked_length(self) -> int | None:
        """How many packets the first frame has; None if its end is not here or not marked."""
        for i in range(self._capacity - 1):
            packet = self._packets[(self._first + i) % self._capacity]
            if packet is None:
                return None
            if packet.timestamp == self._given:
                self._has_right_marks = False  # the frame that was given out goes on
                return None
            if packet.marker:
                return i + 1
        return None

    def _skip_padding(self) -> None:
        """Forget packets without data that follow a frame, with its time stamp."""
        while True:
            packet = self._packets[self._first % self._capacity]
            if packet is None or packet.payload or packet.timestamp != self._given:
                return
            self.remove(1)

    def _drop_what_is_lost(self, added: RtpPacket) -> bool:
        """Give up a packet that is missing for too long, with the frames around it."""
        gap = 0
        while gap < self._capacity and self._packets[(self._first + gap) % self._capacity]:
            gap += 1
        if not gap < (added.sequence_number - self._first) % 2**16 < self._capacity:
            return False  # nothing is missing before it
        places = ((i, (self._first + i) % self._capacity) for i in range(gap, self._capacity))
        behind = [(i, p) for i, place in places if (p := self._packets[place]) is not None]
        resumed, newest = behind[0][1], behind[-1][1]
        if (newest.timestamp - resumed.timestamp) % 2**32 < _PATIENCE:
            return False
        # The frame in which packets come again may lack its beginning.
        whole = next((i for i, p in behind if p.timestamp != resumed.timestamp), self._capacity)
        self.remove(whole)
        return True

    def _asks_again(self, now: int) -> bool:
        since = self._needs_keyframe_since
        if since is None or (now - since) % 2**32 < _PATIENCE:
            return False
        self._needs_keyframe_since = now
        return True


def _depends_on_others(data: bytes) -> bool:
    """Whether a frame of VP8 is no keyframe (RFC 6386, section 9.1).

    One of H.264 begins with zeros and always passes; its decoder conceals what is missing.
    """
    return bool(data) and bool(data[0] & 1)
