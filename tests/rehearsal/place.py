"""A world in which disasters happen day by day: its feed, its catalogs and its files, on loopback.

The clock is what the last request to ``/clock`` said. A disaster is reported from its onset on, an
image is listed some hours after it was taken.
"""

import datetime as dt
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import shapely
from shapely.affinity import translate
from shapely.geometry import mapping
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reliefscope.feeds.eonet import Eonet
from reliefscope.feeds.exercise import exercise_event
from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard
from reliefscope.sources.simulated import write_exercise

SIZE = 128
ONSET = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
ARRIVES = dt.timedelta(hours=6)
AGAIN = dt.timedelta(days=12)
_CATEGORIES = {Hazard.FLOOD: "floods", Hazard.FIRE: "wildfires", Hazard.LANDSLIDE: "landslides"}


@dataclass(frozen=True)
class Disaster:
    """One disaster, and the folder of its catalog."""

    number: int
    event: Event
    folder: Path
    told_by: str = Eonet.name
    """Name of the feed that reports it."""

    @property
    def record(self):
        """What EONET says of it, if it does."""
        if self.told_by != Eonet.name:
            return None
        hazard = self.event.hazard
        return {
            "id": f"EONET_{900 + self.number}",
            "title": f"EXERCISE {hazard} {self.number}",
            "closed": None,
            "categories": [{"id": _CATEGORIES[hazard]}],
            "sources": [],
            "geometry": [
                {
                    "date": f"{self.event.onset:%Y-%m-%dT%H:%M:%SZ}",
                    **mapping(shapely.envelope(self.event.area.geometry)),
                }
            ],
        }


def make_disasters(folder, hazards):
    """Write one world for each hazard, each in a place of its own; floods are seen twice."""
    onsets = [ONSET + dt.timedelta(days=number % 3) for number in range(len(hazards))]
    return [
        make_disaster(folder, number, Hazard(hazard), onset)
        for number, (hazard, onset) in enumerate(zip(hazards, onsets, strict=True))
    ]


def make_disaster(folder, number, hazard, onset):
    """Write a world that is struck at ``onset``, in the place of that number."""
    seed = number + 1
    base = exercise_event(hazard, size=SIZE, seed=seed)
    moved = translate(base.area.geometry, xoff=0.5 * number)
    event = replace(base, area=Area.from_geometry(moved, name=f"Place {number}"), onset=onset)
    world = write_exercise(folder, event, size=SIZE, seed=seed)
    if hazard is Hazard.FLOOD:
        _see_again(world.catalog.parent, onset)
    return Disaster(number=number, event=event, folder=world.catalog.parent)


def _see_again(home, onset):
    """Add a pass of the same orbit, twelve days after the last."""
    items = sorted((home / "sentinel-1-rtc").glob("*/*.json"))
    last = max(items, key=_taken)
    moment = _taken(last) + AGAIN
    assert moment > onset
    name = f"EXERCISE_S1A_IW_{moment:%Y%m%dT%H%M%S}_118_rtc"
    target = last.parent.with_name(name)
    if target.exists():
        return
    shutil.copytree(last.parent, target)
    (target / last.name).unlink()
    document = json.loads(last.read_text(encoding="utf-8"))
    document["id"] = name
    document["properties"]["datetime"] = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    (target / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def _taken(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    return dt.datetime.fromisoformat(document["properties"]["datetime"])


class World:
    """Serves disasters as they are known at the moment that its clock shows."""

    def __init__(self, disasters, reported=None):
        self.disasters = disasters
        self.reported = {Eonet.name: self._events, **(reported or {})}
        """By feed: the answer to a request, or None, given what a request asks and the moment."""
        self.now = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
        self.base = ""
        """Address under which clients reach it."""
        self.items = [
            (
                _taken(p),
                f"s{d.number}/{p.relative_to(d.folder).as_posix()}",
                json.loads(p.read_text()),
            )
            for d in disasters
            for p in sorted(d.folder.glob("*/*/*.json"))
        ]

    def app(self):
        """Return the application."""
        files = [Mount(f"/s{d.number}", StaticFiles(directory=d.folder)) for d in self.disasters]
        return Starlette(
            routes=[
                Route("/clock", self._clock),
                Route("/stac", self._landing),
                Route("/stac/search", self._search, methods=["POST"]),
                *files,
                Route("/{feed:str}", self._feed),
                Route("/{feed:str}/{path:path}", self._feed),
            ]
        )

    def _clock(self, request):
        self.now = dt.datetime.fromisoformat(request.query_params["now"])
        return PlainTextResponse("set")

    def _feed(self, request):
        feed = self.reported.get(request.path_params["feed"])
        path = request.path_params.get("path", "")
        answer = feed and feed(path, dict(request.query_params), self.now)
        return PlainTextResponse("no", 404) if answer is None else JSONResponse(answer)

    def _events(self, path, asked, now):
        del path, asked
        known = [d.record for d in self.disasters if d.record and d.event.onset <= now]
        return {"title": "EXERCISE", "events": known}

    def _landing(self, request):
        del request
        search = {
            "rel": "search",
            "href": f"{self.base}/stac/search",
            "type": "application/geo+json",
            "method": "POST",
        }
        return JSONResponse(
            {
                "type": "Catalog",
                "id": "rehearsal",
                "stac_version": "1.0.0",
                "description": "EXERCISE",
                "conformsTo": [
                    "https://api.stacspec.org/v1.0.0/core",
                    "https://api.stacspec.org/v1.0.0/item-search",
                ],
                "links": [search, {"rel": "root", "href": f"{self.base}/stac"}],
            }
        )

    async def _search(self, request):
        asked = await request.json()
        box = shapely.box(*asked["bbox"])
        start, end = _span(asked.get("datetime"))
        found = [
            self._placed(document, path)
            for taken, path, document in self.items
            if taken + ARRIVES <= self.now
            and start <= taken <= end
            and document["collection"] in asked.get("collections", [document["collection"]])
            and shapely.box(*document["bbox"]).intersects(box)
        ]
        return JSONResponse({"type": "FeatureCollection", "features": found, "links": []})

    def _placed(self, document, path):
        """Return an item with addresses of its files under which clients reach them."""
        home = f"{self.base}/{path.rpartition('/')[0]}"
        assets = {
            name: {**asset, "href": f"{home}/{asset['href'].rpartition('/')[2]}"}
            for name, asset in document["assets"].items()
        }
        return {**document, "assets": assets, "links": []}


def _span(text):
    """Return both ends of the time that a search asks for."""
    if text is None:
        return dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
    return tuple(map(dt.datetime.fromisoformat, text.split("/")))
