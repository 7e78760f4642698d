"""Cameras that are files, whose frames carry a number, and the script that reads it in the browser.

The lowest rows show the number of a frame in black and white cells between a white and a black one,
so that a mirrored picture is recognised. The script notes when the browser takes a frame from its
camera and when the analysed one is shown, and asks the connection for its statistics four times a
second.
"""

from itertools import pairwise
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import ROOT
from ferapp.media.images import read_image
from ferapp.vision.crops import region

BITS: Final = 8
CELLS: Final = BITS + 2
STRIP: Final = 1 / 15
"""Share of the height that the cells take."""


def camera_frame(number: int, size_wh: tuple[int, int], faces: int, frames: int) -> NDArray:
    """One frame: portraits side by side that sway, and the number. (h, w, 3) RGB uint8."""
    portrait = read_image(ROOT / "ferapp" / "samples" / "astronaut.jpg")
    width, height = size_wh
    columns = round(faces**0.5)
    cell_wh = width // columns, height // columns
    sway = 15 * np.sin(2 * np.pi * number / frames)
    # The head alone, with repeated borders: the rocket behind it is taken for a face now and then.
    box = np.array([104, 0, 344, 240], np.float32) + np.array([sway, 0, sway, 0], np.float32)
    head = region(portrait, box, (cell_wh[1], cell_wh[1]))
    left = (cell_wh[0] - cell_wh[1]) // 2
    sides = (left, cell_wh[0] - cell_wh[1] - left)
    cell = np.pad(head, ((0, 0), sides, (0, 0)), mode="edge")
    picture = np.tile(cell, (columns, columns, 1))
    picture = np.pad(picture, ((0, height % columns), (0, width % columns), (0, 0)), mode="edge")
    cells = [1, *((number >> bit) & 1 for bit in range(BITS)), 0]
    top = round(height * (1 - STRIP))
    edges = np.linspace(0, width, CELLS + 1).round().astype(int)
    for bit, (left, right) in zip(cells, pairwise(edges), strict=True):
        picture[top:, left:right] = 255 * bit
    return picture


def number_of(picture: NDArray) -> int | None:
    """The number in a frame that came over the network; None if its cells can't be read."""
    height, width = picture.shape[:2]
    row = picture[round(height * (1 - STRIP / 2)), :, 1]
    centres = ((np.arange(CELLS) + 0.5) * width / CELLS).astype(int)
    cells = (row[centres] > 127).astype(int)
    if cells[0] < cells[-1]:
        cells = cells[::-1]
    return int(cells[1:-1] @ 2 ** np.arange(BITS)) if cells[0] > cells[-1] else None


def write_camera(
    path: Path, size_wh: tuple[int, int], *, fps: int, faces: int, frames: int
) -> None:
    """Write a file for Chromium's ``--use-file-for-fake-video-capture``, which repeats it."""
    width, height = size_wh
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for i in range(frames):
            picture = camera_frame(i, size_wh, faces, frames)
            planes = av.VideoFrame.from_ndarray(picture, format="rgb24").to_ndarray(
                format="yuv420p"
            )
            file.write(b"FRAME\n" + planes.tobytes())


SCRIPT: Final = """
(() => {
  const BITS = 8, CELLS = BITS + 2, STRIP = 1 / 15, ASK = ASKED;
  const me = window.measured = { late: [], shown: 0, stats: [], sent: {} };
  const canvas = new OffscreenCanvas(CELLS, 1);
  const g = canvas.getContext('2d', { willReadFrequently: true });
  const numberOf = (source, width, height) => {
    g.drawImage(source, 0, height * (1 - STRIP / 2), width, 1, 0, 0, CELLS, 1);
    const pixels = g.getImageData(0, 0, CELLS, 1).data;
    let cells = [...Array(CELLS).keys()].map((i) => (pixels[4 * i + 1] > 127 ? 1 : 0));
    if (cells[0] < cells[CELLS - 1]) cells.reverse();
    if (cells[0] === cells[CELLS - 1]) return null;
    return cells.slice(1, -1).reduce((sum, cell, bit) => sum + cell * 2 ** bit, 0);
  };
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    const stream = await open(ASK ?? constraints);
    const track = stream.getVideoTracks()[0].clone();
    const frames = new MediaStreamTrackProcessor({ track }).readable.getReader();
    (async () => {
      for (;;) {
        const { value: frame, done } = await frames.read();
        if (done) return;
        const number = numberOf(frame, frame.displayWidth, frame.displayHeight);
        frame.close();
        if (number !== null) me.sent[number] = performance.now();
      }
    })();
    return stream;
  };
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(target, args) {
      const connection = new target(...args);
      const timer = setInterval(async () => {
        if (connection.connectionState === 'closed') return clearInterval(timer);
        const point = { at: performance.now() };
        for (const s of (await connection.getStats()).values()) {
          if (s.kind !== 'video' || !/^(out|in)bound-rtp$/.test(s.type)) continue;
          const way = s.type === 'outbound-rtp' ? 'sent' : 'back';
          point[way] = {
            frames: s.framesEncoded ?? s.framesDecoded ?? 0, quantisers: s.qpSum ?? 0,
            width: s.frameWidth ?? 0, height: s.frameHeight ?? 0,
            bytes: s.bytesSent ?? s.bytesReceived ?? 0, codec: s.codecId,
          };
        }
        me.stats.push(point);
      }, 250);
      return connection;
    },
  });
  // In a frame of its own, or in a shadow of the page.
  const find = () => document.querySelector('video') ?? [...document.querySelectorAll('*')]
    .map((element) => element.shadowRoot?.querySelector('video')).find(Boolean);
  const watch = () => {
    const video = find();
    if (!video || !video.videoWidth) return setTimeout(watch, 50);
    const read = () => {
      me.shown++;
      const number = numberOf(video, video.videoWidth, video.videoHeight);
      const sent = me.sent[number];
      if (sent !== undefined) me.late.push(performance.now() - sent);
      video.requestVideoFrameCallback(read);
    };
    video.requestVideoFrameCallback(read);
  };
  watch();
})();
"""


def script(constraints: str = "null") -> str:
    """The script of a page.

    Args:
        constraints: What to ask the camera for instead of what the page asks for, as JSON.
    """
    return SCRIPT.replace("ASKED", constraints)
