"""What a browser shows of a file: its pixels on white."""

import base64
from typing import Any

import numpy as np

_BLOB = "new Blob([Uint8Array.from(atob(data), c => c.charCodeAt(0))])"
_PIXELS = """(source, width, height) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  context.fillStyle = 'white';
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0, width, height);
  let text = '';
  for (const value of context.getImageData(0, 0, width, height).data)
    text += String.fromCharCode(value);
  return [height, width, btoa(text)];
}"""

_PICTURE = f"""async data => {{
  const image = new Image();
  image.src = URL.createObjectURL({_BLOB});
  try {{ await image.decode(); }} catch {{ return null; }}
  document.body.append(image);  // obeys the orientation only as part of a page
  const pixels = ({_PIXELS})(image, image.naturalWidth, image.naturalHeight);
  image.remove();
  return pixels;
}}"""

_FRAME = f"""async data => {{
  const video = document.createElement('video');
  video.muted = true;
  video.src = URL.createObjectURL({_BLOB});
  document.body.append(video);
  const came = new Promise((resolve, reject) => {{
    video.requestVideoFrameCallback(resolve);
    video.onerror = reject;
  }});
  try {{ await video.play(); await came; }} catch {{ return null; }}
  video.pause();
  const pixels = ({_PIXELS})(video, video.videoWidth, video.videoHeight);
  video.remove();
  return pixels;
}}"""


def shown_picture(page: Any, data: bytes) -> np.ndarray | None:
    """The pixels of a picture, RGB, as a page shows them; None if it can't."""
    return _pixels(page.evaluate(_PICTURE, base64.b64encode(data).decode()))


def shown_frame(page: Any, data: bytes) -> np.ndarray | None:
    """The pixels of a frame of a video whose frames are all the same, as `shown_picture`."""
    return _pixels(page.evaluate(_FRAME, base64.b64encode(data).decode()))


def _pixels(answer: Any) -> np.ndarray | None:
    if answer is None:
        return None
    height, width, text = answer
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
    return pixels[:, :, :3]
