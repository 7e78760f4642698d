"""Loaded by the app's process in benchmarks, before anything else: what arrives over the network.

Works with any version of the app, because it changes aiortc alone. ``LIVE_TAP`` is a folder for
frames as they arrive, in steps of a quarter of a second; ``LIVE_LINK`` makes the network as slow as
``kbit/s, share of lost packets, delay in s`` say.
"""

import importlib.abc
import importlib.util
import os
import random
import sys
import time
from pathlib import Path

FOLDER, LINK = os.environ.get("LIVE_TAP"), os.environ.get("LIVE_LINK")
TIMES_S = [i / 4 for i in range(14)] + [5.0, 7.5, 10.0]
QUEUE_S = 0.5  # of the slow link: packets that would wait longer are lost


def keep_frames(module):
    """Save frames of the first connection."""
    import numpy as np

    receive = module.RemoteStreamTrack.recv

    async def recv(self):
        frame = await receive(self)
        start = self.__dict__.setdefault("_tap_start", time.monotonic())
        due = self.__dict__.setdefault("_tap_due", list(TIMES_S))
        age_s = time.monotonic() - start
        if self.kind == "video" and due and age_s >= due[0]:
            while due and age_s >= due[0]:
                due.pop(0)
            planes = frame.to_ndarray(format="yuv420p")
            np.save(Path(FOLDER) / f"{round(age_s * 1000):06d}.npy", planes)
        return frame

    module.RemoteStreamTrack.recv = recv


def slow_down(module):
    """Let each packet of media take its time, in both directions."""
    import asyncio

    kbit, lost, delay_s = map(float, LINK.split(","))

    def passing(free, size):
        """When a packet is through, s from now; None if it is lost. And when the link is free."""
        now = time.monotonic()
        begin = max(now, free)
        if begin - now > QUEUE_S or random.random() < lost:
            return None, free
        end = begin + size * 8 / (kbit * 1000)
        return end - now + delay_s, end

    running = set()

    def begin(coroutine):
        task = asyncio.ensure_future(coroutine)
        running.add(task)
        task.add_done_callback(running.discard)

    handle, send = module.RTCDtlsTransport._handle_rtp_data, module.RTCDtlsTransport._send_rtp

    async def handle_late(self, data, arrival_time_ms):
        wait, self._tap_in = passing(self.__dict__.get("_tap_in", 0.0), len(data))
        if wait is not None:

            def arrive():
                now_ms = module.clock.current_ms()
                begin(handle(self, data, arrival_time_ms=now_ms))

            asyncio.get_running_loop().call_later(wait, arrive)

    async def send_late(self, data):
        wait, self._tap_out = passing(self.__dict__.get("_tap_out", 0.0), len(data))
        if wait is not None:

            async def leave():
                try:
                    await send(self, data)
                except ConnectionError:
                    pass

            asyncio.get_running_loop().call_later(wait, lambda: begin(leave()))

    module.RTCDtlsTransport._handle_rtp_data = handle_late
    module.RTCDtlsTransport._send_rtp = send_late


CHANGES = {}
if FOLDER:
    CHANGES["aiortc.rtcrtpreceiver"] = keep_frames
if LINK:
    CHANGES["aiortc.rtcdtlstransport"] = slow_down


class Finder(importlib.abc.MetaPathFinder):
    """Changes a module right after it is loaded."""

    def find_spec(self, name, path, target=None):
        """See `importlib.abc.MetaPathFinder`."""
        change = CHANGES.pop(name, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_change(module):
            execute(module)
            change(module)

        spec.loader.exec_module = execute_and_change
        return spec


sys.meta_path.insert(0, Finder())
