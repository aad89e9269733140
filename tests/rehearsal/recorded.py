"""Answers of GDACS and Copernicus EMS as they were recorded, given day by day.

They are given as they are, at the times that they state, but for one thing: outlines of regions
are shrunk onto the few hundred metres that the scenes of a disaster show, because nobody has
scenes of the whole of Spain at hand. What belongs to no scene stays where it was. GDACS' lists
were not recorded: they are made of the recorded answers on single disasters, which have their
form, and so are the first entries of the list of Copernicus.
"""

import datetime as dt
import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import shapely
from shapely.geometry import shape

from reliefscope.feeds.cems import Cems
from reliefscope.feeds.gdacs import Gdacs
from reliefscope.model.event import Hazard
from tests.rehearsal.place import make_disaster

_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?) (-?\d+(?:\.\d+)?)")
SEEN = {
    "FL-2024-000199-ESP": (Gdacs.name, Hazard.FLOOD, dt.datetime(2024, 10, 27, 15, tzinfo=dt.UTC)),
    "EMSR842": (Cems.name, Hazard.FIRE, dt.datetime(2025, 9, 8, 19, tzinfo=dt.UTC)),
    "EMSR871": (Cems.name, Hazard.FLOOD, dt.datetime(2026, 3, 31, 15, tzinfo=dt.UTC)),
}
"""Disasters of which there are scenes: who recorded them, as what, and when they began."""
UNSEEN = {"GDACS-WF-1028649", "EMSR886", "EMSR887", "EMSR888"}
"""Disasters that meet the rules, and that no scene shows."""


def make_recorded(folder, first):
    """Write the worlds of the disasters that were recorded, numbered from ``first`` on."""
    made = [
        (id_, make_disaster(folder, first + number, hazard, onset), feed)
        for number, (id_, (feed, hazard, onset)) in enumerate(SEEN.items())
    ]
    return {id_: replace(disaster, told_by=feed) for id_, disaster, feed in made}


@dataclass
class Recorded:
    """What the services answered."""

    shared_data: Path
    disasters: dict
    """By identifier, as `make_recorded` gives them."""
    _known: dict = field(default_factory=dict)

    def gdacs(self, path, asked, now):
        """Answer as GDACS."""
        home = self.shared_data / "responses/gdacs_monty/tests/data-files/gdacs"
        if path == "gdacsapi/api/events/geteventlist/SEARCH":
            names = {
                "FL": "fl-1102983-ep1-event",
                "WF": "wf-1028649-event",
                "TC": "tc-1001253-event",
                "DR": "dr-1016449-event",
            }
            if asked["eventlist"] not in names:
                return {"type": "FeatureCollection", "features": []}
            event = self._gdacs(home / f"{names[asked['eventlist']]}.json")
            begun = dt.datetime.fromisoformat(event["properties"]["fromdate"] + "+00:00") <= now
            return {"type": "FeatureCollection", "features": [event] if begun else []}
        if path == "gdacsapi/api/polygons/getgeometry":
            kind, number, episode = asked["eventtype"], asked["eventid"], asked["episodeid"]
            return self._gdacs(home / f"{kind.lower()}-{number}-ep{episode}-geometry.json")
        return None

    def cems(self, path, asked, now):
        """Answer as Copernicus EMS."""
        home = (
            self.shared_data
            / "responses/cems_charter_gdacs_montyext/docs/model/sources/CEMS/api-files"
        )
        details = {p.name[:7]: p for p in home.glob("EMSR*-detail.json")}
        if path == "public-activations/":
            return self._cems(details[asked["code"]]) if asked["code"] in details else None
        if path != "public-activations-info/":
            return None
        listed = json.loads((home / "rapidmapping-activations-list.json").read_text())["results"]
        listed += [self._cems(path)["results"][0] for path in details.values()]
        begun = [r for r in listed if dt.datetime.fromisoformat(r["eventTime"] + "+00:00") <= now]
        found = begun if asked["offset"] == "0" else []
        return {"count": len(begun), "next": None, "previous": None, "results": found}

    def _gdacs(self, path):
        if path not in self._known:
            answer = json.loads(path.read_text())
            if "1102983" in path.name:
                outlines = json.loads(path.with_name("fl-1102983-ep1-geometry.json").read_text())
                frame = next(
                    shape(f["geometry"]).bounds
                    for f in outlines["features"]
                    if f["properties"]["Class"] == "Poly_Affected"
                )
                answer = _shrunk(answer, frame, self._box("FL-2024-000199-ESP"))
            self._known[path] = answer
        return self._known[path]

    def _cems(self, path):
        if path not in self._known:
            answer = json.loads(path.read_text())
            if path.name[:7] in self.disasters:
                frame = shapely.from_wkt(answer["results"][0]["extent"]).bounds
                answer = _shrunk(answer, frame, self._box(path.name[:7]))
            self._known[path] = answer
        return self._known[path]

    def _box(self, id_):
        return self.disasters[id_].event.area.bbox


def _shrunk(node, frame, box, key=""):
    """Return an answer whose places within ``frame`` lie within ``box``, all else as it was."""

    def place(lon, lat):
        east, north = (
            (lon - frame[0]) / (frame[2] - frame[0]),
            (lat - frame[1]) / (frame[3] - frame[1]),
        )
        return [box[0] + east * (box[2] - box[0]), box[1] + north * (box[3] - box[1])]

    if isinstance(node, dict):
        return {k: _shrunk(v, frame, box, k) for k, v in node.items()}
    if isinstance(node, list):
        if key == "coordinates" and node and isinstance(node[0], int | float):
            return place(*node[:2])
        if key == "bbox":
            return [*place(*node[:2]), *place(*node[2:])]
        return [_shrunk(v, frame, box, key) for v in node]
    if isinstance(node, str) and key in {"extent", "centroid"}:
        return _NUMBER.sub(lambda m: "{:.9f} {:.9f}".format(*place(float(m[1]), float(m[2]))), node)
    return node
