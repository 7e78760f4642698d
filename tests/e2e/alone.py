"""Use every page in a network namespace and print how many packets tried to leave it.

`test_no_packet.py` runs this as root in a new network namespace:

    unshare --net python -m tests.e2e.alone
"""

import json
import re
import socket
import subprocess
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS, Server
from tests.support.browser import Live
from tests.support.other_site import ATTEMPTS, FOREIGN_ORIGINS, HANDSHAKE, another_site
from tests.support.places import SAMPLES
from tests.support.uploads import ask

# By itself, Debian's browser contacts its maker and looks for televisions.
QUIET_FLAGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-features=MediaRouter,DialMediaRouteProvider,WebRtcHideLocalIpsWithMdns",
]

# A virtual cable whose other end nobody listens at, as the default route.
SETUP = """
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link set lo up
ip link add out type veth peer name nobody
ip addr add 10.9.8.7/24 dev out
ip link set nobody up
ip link set out up
ip neigh add 10.9.8.1 lladdr 02:00:00:00:00:01 dev out
ip route add default via 10.9.8.1
"""


def sent_packets() -> tuple[int, int]:
    """Packets and bytes that left the machine, or tried to."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        if line.strip().startswith("out:"):
            counts = line.split(":")[1].split()
            return int(counts[9]), int(counts[8])
    raise LookupError("no such interface")


def knock(server: Server, page: Page) -> list[str]:
    """What pages of other sites reach: one on another port, and handshakes made by hand."""
    reached = [
        f"{path} from {origin}"
        for origin in FOREIGN_ORIGINS
        for path in ("/_stcore/stream", "/_stcore/health", "/auth/logout", "/media/a.png")
        if ask(server, path, Origin=origin, **HANDSHAKE).status != 403
    ]
    with another_site() as (url, _):
        page.goto(url)
        seen = {name: page.evaluate(attempt, server.url) for name, attempt in ATTEMPTS.items()}
    return reached + [name for name, end in seen.items() if end != "refused"]


def use(page: Page, url: str) -> dict[str, object]:
    """Use every page: a picture, the camera, a recording, a video, the dashboard."""
    page.set_default_timeout(120_000)
    foreign: list[str] = []
    own = (f"{url}/", "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else foreign.append(r.url))
    page.goto(url)
    page.locator("input[type=file]").set_input_files(SAMPLES / "astronaut.jpg")
    page.get_by_role("img", name="1 face: 1 happiness").wait_for()
    page.goto(f"{url}/live")
    live = Live(page)
    live.start()
    page.get_by_role("button", name="Record", exact=True).click()
    page.get_by_text("I am the only person shown").click()
    page.get_by_role("button", name="Agree and record").click()
    page.get_by_text("Recording 00:03").wait_for()
    frames = live.shown_frames()
    page.get_by_role("button", name="Stop recording").click()
    live.stop()
    page.goto(f"{url}/video")
    page.get_by_text("Demo clip", exact=True).click()
    page.get_by_role("button", name="Analyse").click()
    page.get_by_role("button", name="Make an annotated copy").click()
    page.get_by_role("button", name="Download the copy").wait_for()
    page.locator("video").wait_for()
    page.goto(f"{url}/dashboard")
    page.get_by_text(re.compile("kept until")).wait_for()
    page.goto(f"{url}/about")
    page.get_by_role("heading", name="About").wait_for()
    return {"shown": frames, "foreign": foreign}


def main() -> None:
    """Set up the network, use the app, and print the counts."""
    subprocess.run(["sh", "-ec", SETUP], check=True)
    server = Server()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, headless=True, args=FLAGS + QUIET_FLAGS
            )
            page = browser.new_page()
            try:
                result = use(page, server.url)
                result["reached"] = knock(server, browser.new_page())
            except Exception as error:
                error.add_note(f"The page showed:\n{page.inner_text('body')[:2000]}")
                raise
            browser.close()
    finally:
        server.stop()
    result["sent"], result["sent_bytes"] = sent_packets()
    # One packet on purpose shows that packets are counted.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("192.0.2.1", 9))
    result["sent_with_one_on_purpose"] = sent_packets()[0]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
