"""Fixtures that several test files share."""

import socket
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(autouse=True, scope="session")
def _nobody_s_sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or purges, the sessions of whoever runs it, or sees their models."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("sessions") / "sessions.db"
        patch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{place}")
        patch.delenv("FERAPP_MODELS_DIR", raising=False)
        # The visitors of AppTest have an address that is a mock; theirs is this machine.
        patch.setattr("streamlit.runtime.context.ContextProxy.ip_address", None)
        # So would their cookies be.
        patch.setattr("streamlit.runtime.context.ContextProxy.cookies", {})
        yield


@pytest.fixture(autouse=True)
def _main_module_stays() -> Iterator[None]:
    """AppTest leaves its script as ``__main__``, which every process spawned later would run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def photo(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Smooth noise, (60, 80, 3) RGB."""
    coarse = rng.integers(0, 256, (6, 8, 3))
    return np.kron(coarse, np.ones((10, 10, 1))).astype(np.uint8)


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number
