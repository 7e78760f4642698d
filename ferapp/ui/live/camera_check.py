"""Asks the browser why the camera does not work, and explains it in a sentence."""

from typing import Any, Final

import streamlit as st

_JS: Final = """
export default function ({ parentElement, setStateValue, data }) {
  const button = parentElement.querySelector('button');
  button.textContent = data.title;
  if (!window.isSecureContext || !navigator.mediaDevices) setStateValue('found', 'InsecureContext');
  button.onclick = async () => {
    if (!window.isSecureContext || !navigator.mediaDevices) {
      return setStateValue('found', 'InsecureContext');
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      stream.getTracks().forEach((track) => track.stop());
      setStateValue('found', 'Works');
    } catch (error) {
      setStateValue('found', error.name);
    }
  };
}
"""

_CSS: Final = """
button {
  font: inherit; color: var(--st-text-color); background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
  padding: 0.35rem 0.75rem; cursor: pointer;
}
button:focus-visible { outline: 2px solid var(--st-primary-color); }
"""

SENTENCES: Final = {
    "InsecureContext": "Browsers allow the camera only on pages from this machine or over HTTPS. "
    "Open the page as http://localhost:8501 on the machine that runs ferapp, or put it behind "
    "HTTPS.",
    "NotAllowedError": "Access to the camera was denied. Click the camera or lock beside the "
    "address, allow it for this page, and press START again; your system may have a switch for it "
    "as well.",
    "NotFoundError": "No camera was found. Plug one in, or use the demo clip or pictures below.",
    "NotReadableError": "The camera is in use or does not respond. Close other programs that use "
    "it (a call, another tab), and press START again.",
    "OverconstrainedError": "The camera does not support this picture size. Choose a smaller one "
    "and try again.",
    "AbortError": "The camera stopped unexpectedly. Unplug it, plug it in again and press START.",
}
CONNECTION_FAILED: Final = (
    "The camera works, but no connection to the machine that runs ferapp could be established "
    "within 15 seconds. From another network you need a TURN server, which the operator can set "
    "up (docs/deployment.md). Until then, use pictures."
)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ferapp_camera_check", html="<button type='button'></button>", css=_CSS, js=_JS
    )


def camera_check(*, key: str) -> str | None:
    """A button that tries the camera; an insecure page is reported without a click.

    Returns:
        A sentence with the result; None while there is none.
    """
    result = _component()(data={"title": "Check my camera"}, key=key, on_found_change=lambda: None)
    outcome = result.found
    if not outcome:
        return None
    if outcome == "Works":
        return "The camera works. Press START."
    return SENTENCES.get(outcome, f"The browser could not open the camera ({outcome}).")
