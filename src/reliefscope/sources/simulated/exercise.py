"""The exercise on disk: written once, whole or not at all, and found again."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from odc.geo.geobox import GeoBox

from reliefscope.errors import InputError
from reliefscope.model.area import Area
from reliefscope.model.event import Event
from reliefscope.model.grid import grid_for, projection_for
from reliefscope.sources.simulated.disasters import DISASTERS, pixel_m
from reliefscope.sources.simulated.fields import write_weather
from reliefscope.sources.simulated.items import write_catalog
from reliefscope.sources.simulated.layers import (
    write_people,
    write_track,
    write_truth,
    write_vectors,
)
from reliefscope.sources.simulated.world import make_world

VERSION = 4
"""Counts up whenever the same seed gives another world."""
_MANIFEST = "exercise.json"
_WEATHER, _TRACK = "weather.nc", "track.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """Where everything of one exercise is."""

    event: Event
    catalog: Path
    """Static STAC catalog of the scenes and static layers."""
    weather: Path | None
    """Rain and temperatures of decades, where the disaster is one of them (netCDF)."""
    track: Path | None
    """Where the eye of a storm was said to be, where the disaster is one (CSV)."""
    population: Path
    admin: Path
    roads: Path
    places: Path
    facilities: Path
    truth_extent: Path
    """Codes of `reliefscope.model.cube.State`: 0 no event, 1 event, 2 permanent water."""
    truth: Mapping[str, Path]
    """How strongly the disaster struck, by name: ``depth`` of a flood [m], ``severity`` of a fire
    [1], ``change`` by an earthquake [dB], ``wind`` of a storm [m s-1]."""


def write_exercise(folder: Path, event: Event, *, size: int, seed: int) -> Exercise:
    """Write the world and what was seen of it, unless it is there already.

    Parameters
    ----------
    folder : Path
        Where exercises are kept; each gets a folder of its own.
    event : Event
        The world is built around the middle of its area, its passes around its onset.
    size : int
        Pixels a side, 128 to 10,980, of 10 m, or of 250 m in droughts, heat waves and storms.
        1,280 takes about 10 s and 0.6 GB, 4,096 two minutes and 2.1 GB; both grow with the area
        (about 130 bytes a pixel).
    seed : int
        Which world, 0 or more.

    Returns
    -------
    Exercise
        Paths of all files.

    Raises
    ------
    InputError
        No exercise of that hazard, the area does not fit into the world, or a number is out of
        range.
    """
    if event.hazard not in DISASTERS:
        raise InputError(
            f"event {event.id} is a {event.hazard}; there are exercises of {sorted(DISASTERS)}"
        )
    grid = world_grid(event.area, size, pixel_m(event.hazard))
    folder.mkdir(parents=True, exist_ok=True)
    identity = _identity(event, size, seed)
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]
    home = folder / f"exercise-{size}-{seed}-{digest}"
    with FileLock(folder / f".{home.name}.lock"):
        if not _whole(home, identity):
            _build(home, event, grid, seed)
    return Exercise(
        event=event,
        catalog=home / "catalog.json",
        weather=home / _WEATHER if (home / _WEATHER).exists() else None,
        track=home / _TRACK if (home / _TRACK).exists() else None,
        population=home / "population.tif",
        admin=home / "admin.gpkg",
        roads=home / "roads.gpkg",
        places=home / "places.gpkg",
        facilities=home / "facilities.gpkg",
        truth_extent=home / "truth_extent.tif",
        truth={
            path.stem.removeprefix("truth_"): path
            for path in sorted(home.glob("truth_*.tif"))
            if path.name != "truth_extent.tif"
        },
    )


def world_grid(area: Area, size: int, pixel: float) -> GeoBox:
    """Return the pixels of the world, ``pixel`` metres a side, around the middle of ``area``.

    Raises
    ------
    InputError
        The area is larger than the world.
    """
    crs = f"EPSG:{projection_for(area).to_epsg()}"
    needed = grid_for(area, pixel, crs=crs)
    rows, columns = needed.shape
    if max(rows, columns) > size:
        raise InputError(
            f"area {area.name!r} needs {rows} x {columns} pixels of {pixel:.0f} m, the world "
            f"has {size} a side; choose a larger size"
        )
    box = needed.boundingbox
    left = (box.left + box.right) / 2 // pixel * pixel - size // 2 * pixel
    top = (box.bottom + box.top) / 2 // pixel * pixel + (size - size // 2) * pixel
    bounds = (left, top - size * pixel, left + size * pixel, top)
    return GeoBox.from_bbox(bounds, crs=crs, shape=(size, size))


def _identity(event: Event, size: int, seed: int) -> dict[str, Any]:
    return {
        "version": VERSION,
        "size": size,
        "seed": seed,
        "hazard": str(event.hazard),
        "onset": event.onset.isoformat(),
        "area": event.area.geometry.wkt,
    }


def _whole(home: Path, identity: Mapping[str, Any]) -> bool:
    """Say whether the folder holds this exercise with every file at its full size."""
    try:
        manifest = json.loads((home / _MANIFEST).read_text(encoding="utf-8"))
        return manifest["identity"] == identity and all(
            (home / name).stat().st_size == size for name, size in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _build(home: Path, event: Event, grid: GeoBox, seed: int) -> None:
    """Write everything beside its place and move it there in one step."""
    draft = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        size = grid.shape[0]
        world = make_world(size, seed)
        disaster = DISASTERS[event.hazard](world, event.onset)
        write_truth(draft, world, disaster, grid)
        write_people(draft / "population.tif", world, grid)
        write_vectors(draft, world, grid)
        write_catalog(draft, world, disaster, event, grid)
        if disaster.weather is not None:
            write_weather(draft / _WEATHER, disaster.weather, grid)
        if disaster.fixes:
            write_track(draft / _TRACK, disaster.fixes, event.onset, grid)
        files = {
            str(p.relative_to(draft)): p.stat().st_size
            for p in sorted(draft.rglob("*"))
            if p.is_file()
        }
        manifest = {"identity": _identity(event, size, seed), "files": files}
        (draft / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(home, ignore_errors=True)
        draft.chmod(0o755)
        os.replace(draft, home)  # noqa: PTH105 - atomic, over nothing
    finally:
        shutil.rmtree(draft, ignore_errors=True)
