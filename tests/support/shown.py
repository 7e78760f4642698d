"""What a browser shows of a file: its pixels on white."""

import base64
from typing import Any

import numpy as np

_PICTURE = """async data => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([bytes]));
  try { await image.decode(); } catch { return null; }
  document.body.append(image);  // obeys the orientation only as part of a page
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  image.remove();
  let text = '';
  for (const value of context.getImageData(0, 0, canvas.width, canvas.height).data)
    text += String.fromCharCode(value);
  return [canvas.height, canvas.width, btoa(text)];
}"""


def shown_picture(page: Any, data: bytes) -> np.ndarray | None:
    """The pixels of a picture, RGB, as a page shows them; None if it can't."""
    return _pixels(page.evaluate(_PICTURE, base64.b64encode(data).decode()))


def _pixels(answer: Any) -> np.ndarray | None:
    if answer is None:
        return None
    height, width, text = answer
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
    return pixels[:, :, :3]


_FRAME = """async data => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
  const video = document.createElement('video');
  video.muted = true;
  video.src = URL.createObjectURL(new Blob([bytes]));
  document.body.append(video);
  const came = new Promise((resolve, reject) => {
    video.requestVideoFrameCallback(resolve);
    video.onerror = reject;
  });
  try { await video.play(); await came; } catch { return null; }
  video.pause();
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  video.remove();
  let text = '';
  for (const value of context.getImageData(0, 0, canvas.width, canvas.height).data)
    text += String.fromCharCode(value);
  return [canvas.height, canvas.width, btoa(text)];
}"""


def shown_frame(page: Any, data: bytes) -> np.ndarray | None:
    """The pixels of a frame of a video whose frames are all the same, as `shown_picture`."""
    return _pixels(page.evaluate(_FRAME, base64.b64encode(data).decode()))
