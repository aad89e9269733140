"""Rasters of packages kept open, so that what was decoded for one answer serves the next."""

import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

import rasterio

_MOST = 16
"""Files that a thread keeps open."""


class _Kept(threading.local):
    """What one thread has open; a file must not be read by two at once."""

    def __init__(self) -> None:
        self.files: OrderedDict[tuple[Path, int, int | None], rasterio.DatasetReader] = (
            OrderedDict()
        )


_kept = _Kept()


def kept_open(path: Path, share: float = 0.0) -> rasterio.DatasetReader:
    """Return a file, at its coarsest level that is fine enough; do not close it.

    Parameters
    ----------
    path : Path
        Of a file that is replaced, if ever, and not written into.
    share : float
        Width of a wanted pixel, in widths of the whole file; 0 for the file's own pixels.

    Raises
    ------
    rasterio.errors.RasterioIOError
        The file cannot be opened.
    OSError
        There is no such file.
    """
    changed = path.stat().st_mtime_ns
    factors, width = _levels(path, changed) if share else ((), 0)
    coarse = [i for i, factor in enumerate(factors) if factor <= share * width]
    level = coarse[-1] if coarse else None
    files, key = _kept.files, (path, changed, level)
    found = files.pop(key, None)
    if found is None:
        found = rasterio.open(path, **({} if level is None else {"overview_level": level}))
    files[key] = found
    while len(files) > _MOST:
        files.popitem(last=False)[1].close()
    return found


@lru_cache(maxsize=1024)
def _levels(path: Path, _changed: int) -> tuple[tuple[int, ...], int]:
    """Return by what the levels of a file are coarser than it is, and its columns."""
    with rasterio.open(path) as file:
        return tuple(file.overviews(1)), file.width
