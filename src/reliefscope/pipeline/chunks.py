"""How large the lazy blocks of a run are: as large as serves, as small as the memory demands."""

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import dask

from reliefscope.pipeline.plan import Plan
from reliefscope.pipeline.select import Choice

log = logging.getLogger(__name__)

SIDES = (2048, 1024)
"""Pixels a side that may be chosen. Whole tiles of 1,024 pixels, by which rasters are resampled:
the numbers do not depend on the choice."""
MEMORY_KEY = "reliefscope.memory"
"""Key of dask's configuration: memory that a run may take [bytes], where it is not all."""
_BLOCK_BYTES = 88
"""A pixel of a block on its way: a strip six blocks wide, read and merged, and ten layers of four
bytes between filters. Counted, not measured."""
_SERIES_BYTES = 4
_CGROUP = Path("/sys/fs/cgroup/memory.max")
"""What a container may take (Linux kernel, Control Group v2): a number, or ``max``."""


def chunk_side(plan: Plan, selection: Mapping[str, Choice], *, threads: int, memory: int) -> int:
    """Return the pixels a side of the lazy blocks of a run.

    Parameters
    ----------
    plan : Plan
        Says how much its whole layers will take.
    selection : mapping of str to Choice
        What will be read: all passes of a series meet in one row of blocks.
    threads : int
        Blocks computed at the same time.
    memory : int
        What the run may take [bytes].
    """
    left = (memory - plan.layer_bytes) / 2
    passes = sum(len(selection[r.name].passes) for r in plan.roles if r.series)
    columns = int(plan.grid.shape[1])

    def need(side: int) -> int:
        return threads * side * side * _BLOCK_BYTES + passes * side * columns * _SERIES_BYTES

    if memory < plan.layer_bytes:
        log.warning(
            "the layers of this run take about %.1f GB, and there are %.1f GB: choose a coarser "
            "resolution or a smaller area if it fails",
            plan.layer_bytes / 1e9,
            memory / 1e9,
        )
    return next((side for side in SIDES if need(side) <= left), SIDES[-1])


def memory_bytes() -> int | None:
    """Return what a run may take [bytes]: as set, or what machine and container have."""
    known: int | None = dask.config.get(MEMORY_KEY, default=None)
    if known is not None:
        return known
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, OSError, ValueError):  # systems without sysconf do not say
        return None
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a bound
        found.append(int(_CGROUP.read_text(encoding="ascii")))
    return min(found)


def side_here(plan: Plan, selection: Mapping[str, Choice]) -> int:
    """Return `chunk_side` for the memory and the processors at hand."""
    memory = memory_bytes()
    if memory is None:
        return SIDES[0]
    side = chunk_side(plan, selection, threads=os.cpu_count() or 1, memory=memory)
    log.info("blocks of %d pixels a side", side)
    return side
