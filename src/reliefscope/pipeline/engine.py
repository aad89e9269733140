"""Where lazy layers become numbers: the one place that chooses how dask runs.

The graph of a product is cut the same way wherever it runs, so that threads, processes of this
machine and a cluster give the same answer to the last bit.
"""

import contextlib
import ctypes
import gc
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import dask
import rasterio
import xarray as xr
from dask.callbacks import Callback
from rasterio.errors import RasterioIOError

from reliefscope.errors import InputError, UnavailableError
from reliefscope.pipeline.chunks import MEMORY_KEY

log = logging.getLogger(__name__)

READ_CACHE_BYTES = 128_000_000
"""GDAL keeps decoded blocks; each is read once, so the default of 5 % of the memory is waste."""
THREADS, PROCESSES = "threads", "processes"
_TRIM_S = 0.5
"""So often the memory that tasks freed goes back to the system [s], and after what took longer: to
collect all that is unused takes tenths of a second."""
CONNECT_S = 30
"""Patience with a scheduler that does not answer [s]."""
_SCHEDULER = "reliefscope.scheduler"
"""Key of dask's configuration under which a running cluster is found."""
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://\S+")
_GATEWAY = re.compile(r"gateway:(\S+)")
_COUNTED = re.compile(rf"{PROCESSES}:([1-9]\d{{0,3}})")


def check_engine(where: str) -> str:
    """Return ``where`` if it names an engine.

    Raises
    ------
    InputError
        It is none of ``threads``, ``processes``, ``processes:N``, ``gateway:CLUSTER`` and an
        address such as ``tcp://host:8786``.
    """
    named = any(form.fullmatch(where) for form in (_COUNTED, _ADDRESS, _GATEWAY))
    if where in {THREADS, PROCESSES} or named:
        return where
    raise InputError(
        f"engine {where!r} is unknown; give threads, processes, processes:4, the address of a "
        f"dask scheduler such as tcp://host:8786 or tls://host:8786, or gateway:CLUSTER"
    )


@contextlib.contextmanager
def engine(where: str = THREADS, *, memory: int | None = None) -> Iterator[None]:
    """Compute on ``where`` inside the ``with`` block.

    Parameters
    ----------
    where : str
        ``threads`` of this process; ``processes``, one for each processor, or ``processes:N``: a
        local cluster that ends with the block; the address of a scheduler that runs already
        (dask-jobqueue prints one); or ``gateway:CLUSTER``, a running cluster of the Dask Gateway
        that dask's own configuration names (``DASK_GATEWAY__ADDRESS``). Their workers must have
        this package installed.
    memory : int, optional
        What a run may take [bytes]; all that machine and container have by default. Lazy blocks
        are smaller where it is scarce; the answer is the same.

    Raises
    ------
    InputError
        The engine is unknown, or the package ``distributed`` or ``dask-gateway`` is missing.
    UnavailableError
        No scheduler answers at the address.
    """
    check_engine(where)
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({MEMORY_KEY: memory}))
        if where == THREADS:
            stack.enter_context(dask.config.set({_SCHEDULER: THREADS}))
            yield
            return
        client = _connect(where, stack)
        stack.enter_context(dask.config.set({_SCHEDULER: client}))
        log.info("computing on %s", where)
        yield


def _connect(where: str, stack: contextlib.ExitStack) -> Any:  # noqa: ANN401 - dask has no types
    """Return a client of the cluster; the stack closes what is opened here."""
    try:
        from dask import distributed  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise InputError(
            f"engine {where!r} needs the package distributed: pip install 'reliefscope[cluster]', "
            f"or use --engine threads"
        ) from error
    if gateway := _GATEWAY.fullmatch(where):
        return _through_gateway(gateway[1], stack)
    address = where
    if not _ADDRESS.fullmatch(where):
        counted = _COUNTED.fullmatch(where)
        workers = int(counted[1]) if counted else os.cpu_count() or 1
        scratch = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        address = stack.enter_context(
            distributed.LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers,
                threads_per_worker=max(1, (os.cpu_count() or 1) // workers),
                dashboard_address=None,
                local_directory=scratch,
                silence_logs=logging.ERROR,
                env={"GDAL_CACHEMAX": str(READ_CACHE_BYTES // 1_000_000)},
            )
        )
    try:
        client = distributed.Client(  # type: ignore[no-untyped-call]
            address, set_as_default=False, timeout=CONNECT_S
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise UnavailableError(
            f"no dask scheduler answers at {where} ({type(error).__name__}); start one, or use "
            f"--engine threads"
        ) from error
    return stack.enter_context(client)


def _through_gateway(name: str, stack: contextlib.ExitStack) -> Any:  # noqa: ANN401 - as above
    """Return a client of a cluster that a gateway guards; the cluster outlives the block."""
    try:
        from dask_gateway import Gateway  # noqa: PLC0415 - for those who have one
    except ImportError as error:
        raise InputError(
            f"engine gateway:{name} needs the package dask-gateway: "
            f"pip install 'reliefscope[gateway]'"
        ) from error
    try:
        gateway = stack.enter_context(Gateway())
        cluster = stack.enter_context(gateway.connect(name, shutdown_on_close=False))
        return stack.enter_context(cluster.get_client(set_as_default=False))
    except (OSError, TimeoutError, ValueError) as error:
        raise UnavailableError(
            f"no gateway has a cluster {name!r} ({type(error).__name__}: {error}); set "
            f"DASK_GATEWAY__ADDRESS, and start a cluster there"
        ) from error


def shares_memory() -> bool:
    """Return whether tasks run in this process, and may write into arrays of ours."""
    return bool(dask.config.get(_SCHEDULER, default=THREADS) == THREADS)


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Compute inside the ``with`` block: a small read cache, errors in our words.

    Raises
    ------
    UnavailableError
        An input stopped answering while it was read, or the cluster lost its workers.
    """
    scheduler = dask.config.get(_SCHEDULER, default=THREADS)
    began = last = time.monotonic()

    def frugal(*_: object) -> None:
        nonlocal last
        if time.monotonic() - last > _TRIM_S:
            give_back()
            last = time.monotonic()

    with (
        rasterio.Env(GDAL_CACHEMAX=READ_CACHE_BYTES),
        dask.config.set(scheduler=scheduler),
        Callback(posttask=frugal),  # type: ignore[no-untyped-call]
    ):
        try:
            yield
        except RasterioIOError as error:
            raise UnavailableError(
                f"an input could not be read: {error}; run the same command again"
            ) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "distributed":
                raise
            raise UnavailableError(
                f"the cluster could not finish ({type(error).__name__}: {error}); give its workers "
                f"more memory, or use --engine threads, and run the same command again"
            ) from error
        finally:
            if time.monotonic() - began > _TRIM_S:  # what takes less holds little
                gc.collect()  # what dask computed with refers to itself, and holds whole layers
                give_back()


def give_back() -> None:
    """Give memory that is free back to the system.

    The GNU C library keeps what blocks of several threads took and freed; on a large scene that
    came to twice what was in use (malloc_trim(3)). Other libraries have no such call.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def compute(data: xr.Dataset) -> xr.Dataset:
    """Return ``data``, lazy or not, (y, x), in memory: all layers in one pass over the inputs.

    Raises
    ------
    UnavailableError
        An input stopped answering while it was read.
    """
    with session():
        loaded: xr.Dataset = data.compute()
    return loaded
