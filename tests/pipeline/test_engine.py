"""Where products are computed: the same answer on threads, processes and a scheduler."""

import json
import os
import signal
import threading
import time
from dataclasses import replace

import dask
import distributed
import numpy as np
import pytest

from reliefscope.errors import InputError, UnavailableError
from reliefscope.jobs.exercise import exercise_request
from reliefscope.jobs.situation import carry_out, plan_request
from reliefscope.model.event import Hazard
from reliefscope.pipeline import chunks
from reliefscope.pipeline.engine import check_engine, engine, session
from reliefscope.pipeline.run import run
from tests.products.conftest import draw_bare
from tests.products.scene import RELEASED
from tests.servers import free_port

# the cluster's own housekeeping, while its processes come and go
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:distributed"),
]


@pytest.fixture(scope="module")
def request_(tmp_path_factory):
    """A small flood, with terrain, reference water and land cover."""
    folder = tmp_path_factory.mktemp("world")
    found, _ = exercise_request(Hazard.FLOOD, size=192, seed=3, cache=folder)
    return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler with two worker processes, as somebody else would run it."""
    scratch = tmp_path_factory.mktemp("scratch")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        local_directory=str(scratch),
        silence_logs=50,
    ) as running:
        yield running


def facts(request_, catalog, where):
    with pytest.MonkeyPatch.context() as patch, engine(where):
        draw_bare(patch)
        made = carry_out(request_, catalog, released=RELEASED)
    return {
        n: (made.folder / n).read_bytes() for n in ("facts.json", "state.tif", "likelihood.tif")
    }


def different(found, wanted):
    """Return the names of files that differ: bytes of maps are no message."""
    return [name for name in wanted if found[name] != wanted[name]]


@pytest.fixture(scope="module")
def on_threads(request_, tmp_path_factory):
    return facts(request_, tmp_path_factory.mktemp("threads"), "threads")


def test_a_scheduler_gives_the_same_to_the_last_bit(request_, cluster, on_threads, tmp_path):
    """Facts and layers, byte by byte; two processes did the work."""
    found = facts(request_, tmp_path, cluster.scheduler_address)
    assert different(found, on_threads) == []
    assert json.loads(found["facts.json"])["facts"]["event_area_km2"]["value"] > 0


def test_a_killed_worker_changes_nothing(request_, cluster, on_threads, tmp_path):
    """One of two processes is killed while it computes: the same bytes as on threads."""
    killed = []

    def kill():
        """Kill the first worker that has something in hand."""
        with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
            deadline = time.monotonic() + 600
            while not killed and time.monotonic() < deadline:
                for worker, tasks in client.processing().items():
                    if tasks:
                        pid = client.run(os.getpid, workers=[worker])[worker]
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                        return
                time.sleep(0.001)

    killer = threading.Thread(target=kill)
    killer.start()
    found = facts(request_, tmp_path, cluster.scheduler_address)
    killer.join()
    assert killed
    assert different(found, on_threads) == []


def test_a_local_cluster_of_processes_ends_with_the_block(request_):
    """It computes elsewhere than here, and is gone afterwards."""
    with engine("processes:1"):
        client = dask.config.get("reliefscope.scheduler")
        product = run(plan_request(request_), request_.sources)
        with session():
            state = product.data["state"].compute().values
        (pid,) = client.run(os.getpid).values()
    assert pid != os.getpid()
    with session():
        here = product.data["state"].compute().values
    np.testing.assert_array_equal(state, here)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_chunks_do_not_change_the_answer(request_, monkeypatch):
    """Whole runs in blocks of 2048, 64 and 50 pixels, through filters with halos and growing
    regions: every layer is the same to the last bit."""
    todo = plan_request(request_)
    whole = run(todo, request_.sources).data.compute()
    assert (whole["state"] == 1).any()
    for side in (64, 50):
        monkeypatch.setattr(chunks, "SIDES", (side,))
        product = run(todo, request_.sources)
        assert max(product.images["after"]["vv"].data.chunksize) == side
        cut = product.data.compute()
        assert set(cut) == set(whole)
        assert [n for n in whole if cut[n].values.tobytes() != whole[n].values.tobytes()] == []


def test_blocks_are_smaller_where_memory_is_scarce(request_):
    """Enough for large blocks, for small ones only, and for not even the layers: said, and tried.

    Layers of 1 GB; 2 threads with blocks of 2048 pixels need 2 x 2048^2 x 88 bytes = 0.74 GB, with
    1024 pixels 0.18 GB; half of what the layers leave may be taken.
    """
    todo = replace(plan_request(request_), roles=plan_request(request_).roles[:1])
    rows = round(1e9 / 27 / todo.grid.shape[1])
    todo = replace(todo, grid=todo.grid.expand((rows, todo.grid.shape[1])))
    assert todo.layer_bytes == pytest.approx(1e9, rel=1e-3)
    sides = [
        chunks.chunk_side(todo, {}, threads=2, memory=int(memory))
        for memory in (1e9 + 1.6e9, 1e9 + 1.3e9, 0.9e9)
    ]
    assert sides == [2048, 1024, 1024]
    with engine("threads", memory=123_000_000):
        assert chunks.memory_bytes() == 123_000_000
    assert chunks.memory_bytes() > 123_000_000


@pytest.mark.parametrize("where", ["thread", "processes:0", "http://host:1", "tcp://", ""])
def test_an_unknown_engine_is_named(where):
    with pytest.raises(InputError, match="give threads, processes"):
        check_engine(where)


def test_a_scheduler_that_is_not_there_is_unavailable(monkeypatch):
    """Nobody listens: said at once, with what to do."""
    monkeypatch.setattr("reliefscope.pipeline.engine.CONNECT_S", 0.5)
    with (
        pytest.raises(UnavailableError, match="no dask scheduler answers"),
        engine(f"tcp://127.0.0.1:{free_port()}"),
    ):
        pass
