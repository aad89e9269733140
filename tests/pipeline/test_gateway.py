"""A cluster behind a real Dask Gateway, where that is installed; it is no dependency of ours."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import dask
import pytest

from reliefscope.errors import UnavailableError
from reliefscope.jobs.exercise import exercise_request
from reliefscope.jobs.situation import carry_out
from reliefscope.model.event import Hazard
from reliefscope.pipeline.engine import engine
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED
from tests.servers import _answers, _wait, free_port

_WHY = "no Dask Gateway to ask here: pip install '.[gateway]' 'dask-gateway-server[local]'"
dask_gateway = pytest.importorskip("dask_gateway", reason=_WHY)
pytest.importorskip("dask_gateway_server", reason=_WHY)
# the cluster's own housekeeping, while its processes come and go
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
_INHERITED = ("PATH", "PYTHONPATH", "NUMBA_CACHE_DIR", "HOME")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Run a gateway whose clusters are processes of this user; yield its address."""
    folder = tmp_path_factory.mktemp("gateway")
    outside, inside = free_port(), free_port()
    config, home = folder / "config.py", Path(sys.executable).parent
    config.write_text(
        f"""
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.DaskGateway.address = "127.0.0.1:{inside}"
c.Proxy.address = "127.0.0.1:{outside}"
c.UnsafeLocalBackend.cluster_start_timeout = 300
c.UnsafeLocalBackend.cluster_heartbeat_timeout = 300
c.UnsafeLocalBackend.worker_start_timeout = 300
c.UnsafeLocalBackend.clusters_directory = "{folder}"
c.UnsafeLocalBackend.inherited_environment = {[*_INHERITED]}
c.ClusterConfig.scheduler_cmd = ["{home / "dask"}", "scheduler"]
c.ClusterConfig.worker_cmd = ["{home / "dask"}", "worker"]
c.ClusterConfig.worker_cores = 1
c.ClusterConfig.worker_memory = "2 G"
"""
    )
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "dask_gateway_server", "-f", str(config)],
            stdout=log,
            stderr=log,
        )
        url = f"http://127.0.0.1:{outside}"
        try:
            _wait(lambda: _answers(f"{url}/api/health"))
            yield url
        finally:
            server.terminate()
            server.wait(180)


def test_a_gateway_gives_the_same_to_the_last_bit(gateway, tmp_path):
    """Two workers behind the gateway, and threads: the same facts and layers, byte by byte."""
    request, _ = exercise_request(Hazard.FLOOD, size=192, seed=3, cache=tmp_path / "world")
    with pytest.MonkeyPatch.context() as patch, dask.config.set({"gateway.address": gateway}):
        draw_bare(patch)
        with dask_gateway.Gateway() as there, there.new_cluster(shutdown_on_close=True) as cluster:
            cluster.scale(2)
            with engine(f"gateway:{cluster.name}"):
                found = carry_out(request, tmp_path / "gateway", released=RELEASED)
        wanted = carry_out(request, tmp_path / "threads", released=RELEASED)
        with pytest.raises(UnavailableError, match="DASK_GATEWAY__ADDRESS"), engine("gateway:none"):
            raise AssertionError("entered")
    for name in ("facts.json", "state.tif", "likelihood.tif"):
        assert (found.folder / name).read_bytes() == (wanted.folder / name).read_bytes(), name
    facts = json.loads((found.folder / "facts.json").read_text())
    assert facts["facts"]["event_area_km2"]["value"] > 0
    gc.collect()  # what the library complains of when it is thrown away, it does here
