"""What a browser may make the server do with live video: see `ferapp.serving.ice`."""

import os
from collections.abc import Mapping
from typing import Any, Final

from streamlit_webrtc import WebRtcWorker

from ferapp.errors import UserError
from ferapp.serving.ice import CandidateFilter, parse_networks
from ferapp.ui.live.connection.frame_sizes import MAX_DECODED, fit_frame
from ferapp.ui.server.private_parts import limit_live_frames, use_webrtc_worker
from ferapp.ui.shared.owner import visitor_peer

_VARIABLE: Final = "FERAPP_ICE_NETWORKS"


class GuardedWorker(WebRtcWorker[Any, Any]):
    """A worker of streamlit-webrtc that gets an offer without the addresses of others.

    Both methods are called by the script of the page, for which the visitor is known.
    """

    def process_offer(self, sdp: str, type_: str, timeout: float | None = None) -> Any:
        """Answer an offer.

        Raises:
            UserError: It is none that a browser makes.
        """
        try:
            networks = parse_networks(os.environ.get(_VARIABLE, ""))
            self._filter = CandidateFilter(visitor_peer(networks))
            offer = self._filter.filter_offer(sdp)
        except UserError:
            self.stop(timeout=1)
            raise
        return super().process_offer(offer, type_, timeout)

    def set_ice_candidates_from_offerer(self, candidates: Mapping[str, Any]) -> None:
        """Add candidates that came after the offer."""
        super().set_ice_candidates_from_offerer(self._filter.filter_trickled(candidates))


def guard_streams() -> None:
    """Make every stream of this process use such workers, and frames of a size that fits."""
    use_webrtc_worker(GuardedWorker)
    limit_live_frames(MAX_DECODED, fit_frame)
