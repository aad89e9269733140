import pytest

from reliefscope.settings import Settings
from reliefscope.transport.client import Transport
from tests.feeds.replay import FAST, replaying


@pytest.fixture
def replay():
    with replaying() as server:
        yield server


@pytest.fixture
def transport(tmp_path):
    settings = Settings(
        cache=tmp_path / "cache",
        allow_hosts=frozenset({"127.0.0.1"}),
        secrets={"FIRMS_MAP_KEY": "k3y0fn0body"},
    )
    return Transport(settings, retry=FAST)


@pytest.fixture
def offline(transport):
    """The same cache without a network."""
    settings = Settings(cache=transport.settings.cache, offline=True)
    return Transport(settings, retry=FAST)
