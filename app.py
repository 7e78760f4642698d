"""The app: ``streamlit run app.py``."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import Route

from ferapp.ui.server.headers import AllowedHosts, SecurityHeaders
from ferapp.ui.server.health import ALIVE_ROUTE, READY_ROUTE, alive, ready
from ferapp.ui.server.login_gate import UploadsAfterLogin
from ferapp.ui.server.logout import LoginsEnd
from ferapp.ui.server.logs import begin_log
from ferapp.ui.server.media_owner import MediaOwner, keep_media_for_their_browsers
from ferapp.ui.server.metrics import METRICS_ROUTE, metrics
from ferapp.ui.server.private_parts import guard_http, keep_uploads_in_memory
from ferapp.ui.server.same_origin import SameOrigin
from ferapp.ui.server.session_cleanup import clean_up_sessions
from ferapp.ui.server.upload_limit import UploadLimit
from ferapp.ui.shared.live_chart import PLOTLY_FILE, PLOTLY_HEADERS, PLOTLY_ROUTE
from ferapp.ui.shared.page import NAVIGATION

begin_log()

keep_uploads_in_memory(512 * 1024 * 1024)  # as the about page says

keep_media_for_their_browsers()

guard_http()

# The script is not next to pages/: there, Streamlit would serve a deep link that is the first
# request after a start without the navigation (docs/decisions/0004).
app = st.App(
    NAVIGATION,
    lifespan=clean_up_sessions,
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(AllowedHosts),
        Middleware(SameOrigin),
        Middleware(MediaOwner),
        Middleware(LoginsEnd),
        Middleware(UploadsAfterLogin),
        Middleware(UploadLimit),
    ],
    routes=[
        Route(PLOTLY_ROUTE, lambda _: FileResponse(PLOTLY_FILE, headers=PLOTLY_HEADERS)),
        Route(METRICS_ROUTE, metrics),
        Route(ALIVE_ROUTE, alive),
        Route(READY_ROUTE, ready),
    ],
)
