"""Browsers that offer one kind of video alone, and cameras that change while they stream."""

import re

import pytest

from tests.e2e.conftest import Server, Visit
from tests.support.browser import open_live

pytestmark = [pytest.mark.e2e, pytest.mark.live]

# Offers one codec; keeps the connections.
ONE_CODEC = """
window.connections = [];
const offer = RTCPeerConnection.prototype.createOffer;
RTCPeerConnection.prototype.createOffer = function (...args) {
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  const chosen = codecs.filter((c) => c.mimeType === 'video/CODEC');
  for (const t of this.getTransceivers())
    if (t.receiver.track.kind === 'video') t.setCodecPreferences(chosen);
  window.connections.push(this);
  return offer.apply(this, args);
};
"""

SIZE_SENT = """async () => {
  for (const s of (await window.connections.at(-1).getStats()).values())
    if (s.type === 'outbound-rtp') return s.frameWidth;
}"""


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
def test_a_browser_without_a_codec_of_ours_gets_a_sentence(
    server: Server, visit: Visit, codec: str
) -> None:
    live = open_live(server, visit)
    live.page.context.add_init_script(ONE_CODEC.replace("CODEC", codec))
    live.page.reload()
    live.start_button.click(timeout=30_000)
    live.page.get_by_text("it needs VP8 or H.264").wait_for(timeout=30_000)
    text = live.page.inner_text("body")
    assert "Traceback" not in text and "OperationError" not in text
    assert live.page.get_by_test_id("stException").count() == 0
    live.page.get_by_role("button", name="STOP", exact=True).click()
    live.page.get_by_text("Press START. The picture goes").wait_for(timeout=30_000)


def test_h264_alone_is_labelled_also_when_the_camera_changes_its_size(
    server: Server, visit: Visit
) -> None:
    live = open_live(server, visit)
    live.page.context.add_init_script(ONE_CODEC.replace("CODEC", "H264"))
    live.page.reload()
    live.start()
    live.page.get_by_text(re.compile(r"^\d+ happiness")).first.wait_for(timeout=60_000)
    inside = live.page
    sent = inside.evaluate(SIZE_SENT)
    inside.evaluate(
        """() => window.connections.at(-1).getSenders()[0].track.applyConstraints(
          { width: 320, frameRate: 10 })"""
    )
    for _ in range(300):
        if (inside.evaluate(SIZE_SENT), live.video.evaluate("v => v.videoWidth")) == (320, 320):
            break
        live.page.wait_for_timeout(100)
    assert sent == 640 and live.video.evaluate("v => v.videoWidth") == 320
    before = live.shown_frames()
    live.page.get_by_text(re.compile(r"^\d+ happiness")).first.wait_for(timeout=60_000)
    while live.shown_frames() < before + 5:
        live.page.wait_for_timeout(100)
    live.stop()
