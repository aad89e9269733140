"""Where lazy layers become numbers."""

from collections.abc import Mapping
from typing import Any

import dask
import xarray as xr
from rasterio.errors import RasterioIOError

from reliefscope.errors import UnavailableError


def compute(data: xr.Dataset, *, options: Mapping[str, Any] | None = None) -> xr.Dataset:
    """Return ``data`` in memory, all layers in one pass over the inputs.

    Parameters
    ----------
    data : Dataset, (y, x)
        Lazy or not.
    options : mapping, optional
        Settings of dask for this call; threads by default.

    Raises
    ------
    UnavailableError
        An input stopped answering while it was read.
    """
    with dask.config.set({"scheduler": "threads", **(options or {})}):
        try:
            loaded: xr.Dataset = data.compute()
        except RasterioIOError as error:
            raise UnavailableError(
                f"an input could not be read: {error}; run the same command again"
            ) from error
    return loaded
