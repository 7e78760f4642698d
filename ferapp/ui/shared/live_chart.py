"""A Plotly figure that changes in place.

`st.plotly_chart` is mounted again at each change, which flickers several times a second. This
component keeps its element and calls `Plotly.react`. The script comes from the installed package,
through a route that `app.py` adds.
"""

from pathlib import Path
from typing import Any, Final

import plotly
import streamlit as st

PLOTLY_ROUTE: Final = "/assets/plotly.min.js"
PLOTLY_FILE: Final = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

PLOTLY_HEADERS: Final = {"Cache-Control": "public, max-age=86400"}

_JS: Final = """
const load = () => (window.ferappPlotly ??= new Promise((resolve, reject) => {
  if (window.Plotly) return resolve(window.Plotly);
  const script = document.createElement('script');
  script.src = new URL('.SOURCE', window.location.href);
  script.onload = () => resolve(window.Plotly);
  script.onerror = reject;
  document.head.appendChild(script);
}));

export default async function ({ data, parentElement }) {
  if (!data.figure) return void load();
  const place = parentElement.querySelector('.ferapp-chart');
  // Together: an image without a name is one that a screen reader can't tell.
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', data.alt);
  place.style.height = data.figure.layout.height + 'px';
  const Plotly = await load();
  const style = getComputedStyle(place);
  const ink = style.getPropertyValue('--st-text-color') || style.color;
  const rule = style.getPropertyValue('--st-border-color') || 'rgba(128, 128, 128, 0.3)';
  const layout = {
    ...data.figure.layout,
    paper_bgcolor: 'rgba(0, 0, 0, 0)',
    plot_bgcolor: 'rgba(0, 0, 0, 0)',
    font: { color: ink, family: style.fontFamily, size: 12 },
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    layout[name] = { gridcolor: rule, linecolor: rule, zeroline: false, ...layout[name] };
  }
  await Plotly.react(place, data.figure.data, layout, {
    displayModeBar: false,
    responsive: true,
    staticPlot: data.is_static,
  });
}
""".replace("SOURCE", PLOTLY_ROUTE)


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ferapp_chart",
        html="<div class='ferapp-chart'></div>",
        js=_JS,
        isolate_styles=False,
    )


def prepare_charts() -> None:
    """Let the browser load Plotly now, so that the first chart is there at once."""
    _component()(data={"figure": None}, key="charts-to-come")


def live_chart(figure: dict[str, Any], *, key: str, alt: str, is_static: bool = True) -> None:
    """Show a figure; another one with the same key replaces it without flickering.

    Args:
        figure: ``data`` and ``layout`` as Plotly takes them; colours of text, rules and background
            come from the page's theme, the height from the layout.
        key: Of the place on the page.
        alt: The same in words.
        is_static: Whether it can't be zoomed or hovered over.
    """
    _component()(data={"figure": figure, "alt": alt, "is_static": is_static}, key=key)
