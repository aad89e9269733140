"""Where lazy layers become numbers: the one place that chooses how dask runs."""

import contextlib
from collections.abc import Iterator

import dask
import rasterio
import xarray as xr
from rasterio.errors import RasterioIOError

from reliefscope.errors import UnavailableError

READ_CACHE_BYTES = 128_000_000
"""GDAL keeps decoded blocks; each is read once, so the default of 5 % of the memory is waste."""


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Compute inside the ``with`` block: threads, a small read cache, errors in our words.

    Raises
    ------
    UnavailableError
        An input stopped answering while it was read.
    """
    with rasterio.Env(GDAL_CACHEMAX=READ_CACHE_BYTES), dask.config.set(scheduler="threads"):
        try:
            yield
        except RasterioIOError as error:
            raise UnavailableError(
                f"an input could not be read: {error}; run the same command again"
            ) from error


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
