"""Fixtures for all tests: no network but loopback, warnings are errors, real data beside us."""

import socket
from pathlib import Path

import hypothesis
import pytest

# how long an example takes says nothing of whether it is right
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    """Refuse every connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            pytest.fail(f"a test tried to reach {address}", pytrace=False)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real scenes, labels and recorded answers, where they are kept beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data are not beside this checkout (../shared/data)")
    return SHARED_DATA
