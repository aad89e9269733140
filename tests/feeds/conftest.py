import pytest

from tests.feeds.replay import loopback, replaying


@pytest.fixture(scope="module")
def _server():
    with replaying() as server:
        yield server


@pytest.fixture
def replay(_server):
    """A service on loopback that knows nothing yet."""
    _server.clear()
    return _server


@pytest.fixture
def transport(tmp_path):
    """A transport that may ask loopback."""
    return loopback(tmp_path)
