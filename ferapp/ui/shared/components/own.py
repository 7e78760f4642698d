"""Components of our own: a script and a style beside the Python module that shows them."""

import base64
from pathlib import Path
from typing import Any, Final

import streamlit as st

from ferapp.ui.shared.session_keys import SessionKey

_DOM: Final = Path(__file__).parent / "dom.js"


@st.cache_resource(show_spinner=False)
def own_component(module_file: str, html: str) -> Any:
    """The component whose script and style are beside a module and have its name.

    The functions of ``dom.js`` come before its script, and the style of these before its style.

    Args:
        module_file: ``__file__`` of the module.
        html: What is in the component at first.

    Returns:
        What ``st.components.v2.component`` returns: call it to show the component.
    """
    module = Path(module_file)
    css, js = (
        "\n".join(path.with_suffix(kind).read_text(encoding="utf-8") for path in (_DOM, module))
        for kind in (".css", ".js")
    )
    return st.components.v2.component(f"ferapp_{module.stem}", html=html, css=css, js=js)


def sent_by(key: str, name: str) -> Any:
    """A value that the component with this key has sent; None if it has sent none."""
    return (SessionKey[Any](key).get() or {}).get(name)


def data_url(jpeg: bytes) -> str:
    """A JPEG file as an address that holds it, so that the server keeps no copy to fetch."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
