"""The Climate Data Store on loopback: a catalogue, a queue, and files with known answers."""

import calendar
import datetime as dt
import hashlib
import io
import itertools
import json
import zipfile

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sources.field_files import netcdf, utc, weather

KEY = "0b6f2c1e-not-a-real-key"
NAMES = {
    "2m_temperature": "t2m",
    "2m_dewpoint_temperature": "d2m",
    "10m_u_component_of_wind": "u10",
    "10m_v_component_of_wind": "v10",
    "volumetric_soil_water_layer_1": "swvl1",
    "total_precipitation": "tp",
    "surface_solar_radiation_downwards": "ssrd",
    "potential_evaporation": "pev",
}
SUMS = {"tp": 1e-3, "ssrd": 3600.0, "pev": -1e-3}
"""What accumulates, and how much in the first hour of the first day of a month."""
LEVELS = {"t2m": 280.0, "d2m": 270.0, "u10": 1.0, "v10": -2.0, "swvl1": 0.2}


def tilt(lat):
    """How values change with latitude."""
    return 1 + lat / 100


def in_hour(start):
    """Amounts of the hour that begins at ``start``, of the first hour of a month."""
    return (start.hour + 1) * start.day


def since_midnight(moment):
    """Sum since 00 UTC, as stored: at 00 UTC that of the whole day before."""
    last = moment - dt.timedelta(hours=1)
    hours = range(last.hour + 1)
    return sum(in_hour(last.replace(hour=h)) for h in hours)


def level(name, moment):
    """Values that do not accumulate, at a moment, on the equator."""
    return LEVELS[name] * (1 + moment.hour / 1000 + moment.day / 10_000)


class Store:
    """What the store does: licences, jobs that take some looks, results that expire."""

    def __init__(self, url):
        self.url = f"{url}/api"
        self.jobs, self.files, self.looks, self.ended = {}, {}, {}, {}
        self.asked, self.submitted, self.headers = [], [], []
        self.queue, self.latest = 2, "2026-10-31T23:00:00Z"
        self.licence, self.status, self.faults = True, "successful", {}
        self.shape, self.suffix = (lambda cube: cube), "nc"
        self._number = itertools.count(1)
        self.app = Starlette(
            routes=[
                Route("/api/catalogue/v1/collections/{name}", self.collection),
                Route("/api/catalogue/v1/messages", self.messages),
                Route("/api/retrieve/v1/processes/{name}", self.process),
                Route("/api/retrieve/v1/processes/{name}/execution", self.submit, methods=["POST"]),
                Route("/api/retrieve/v1/jobs", self.listed),
                Route("/api/retrieve/v1/jobs/{job}", self.job),
                Route("/api/retrieve/v1/jobs/{job}/results", self.results),
                Route("/cache/{name}", self.file),
            ]
        )

    async def messages(self, request: Request) -> Response:
        del request
        return JSONResponse({"messages": []})

    async def collection(self, request: Request) -> Response:
        name = request.path_params["name"]
        self.asked.append(f"collection {name}")
        if "collection" in self.faults:
            return self.faults["collection"]()
        return JSONResponse(
            {
                "type": "Collection",
                "id": name,
                "extent": {
                    "spatial": {"bbox": [[0, -90, 360, 90]]},
                    "temporal": {"interval": [["1950-01-01T00:00:00Z", self.latest]]},
                },
            }
        )

    async def process(self, request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse({"id": name, "inputs": {}, "links": []})

    def _denied(self, request: Request) -> Response | None:
        if request.headers.get("private-token") == KEY:
            return None
        return JSONResponse({"title": "authentication failed", "detail": "no such key"}, 401)

    async def submit(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked.append("submit")
        if denied := self._denied(request):
            return denied
        if "submit" in self.faults:
            return self.faults["submit"]()
        if not self.licence:
            said = {"type": "permission denied", "title": "required licences not accepted"}
            return JSONResponse(said, 403)
        job = f"9bfc1362-2832-48e1-a235-{next(self._number):012d}"
        self.submitted.append(body["inputs"])
        self.jobs[job] = (request.path_params["name"], body["inputs"])
        self.looks[job] = 0
        return JSONResponse(self._state(job, "accepted"), 201)

    def _state(self, job, status):
        return {
            "processID": self.jobs[job][0],
            "type": "process",
            "jobID": job,
            "status": status,
            "created": "2026-09-02T17:30:48.201213",
            "updated": "2026-09-02T17:30:48.201217",
            "links": [
                {"href": f"{self.url}/retrieve/v1/jobs/{job}", "rel": "monitor"},
                {"href": f"{self.url}/retrieve/v1/jobs/{job}/results", "rel": "results"},
            ],
        }

    async def listed(self, request: Request) -> Response:
        return self._denied(request) or JSONResponse({"jobs": []})

    async def job(self, request: Request) -> Response:
        job = request.path_params["job"]
        self.asked.append("look")
        if denied := self._denied(request):
            return denied
        if "job" in self.faults:
            return self.faults["job"]()
        if job not in self.jobs:
            return JSONResponse({"title": "job not found"}, 404)
        self.looks[job] += 1
        waiting = self.looks[job] <= self.queue
        if waiting:
            return JSONResponse(self._state(job, ("accepted", "running")[self.looks[job] > 1]))
        return JSONResponse(self._state(job, self.ended.setdefault(job, self.status)))

    async def results(self, request: Request) -> Response:
        job = request.path_params["job"]
        self.asked.append("results")
        if denied := self._denied(request):
            return denied
        if "results" in self.faults:
            return self.faults["results"]()
        if self.ended.get(job) == "failed":
            said = {"title": "The job has failed", "traceback": "MARS found no data"}
            return JSONResponse(said, 400)
        content = self.made(*self.jobs[job])
        name = f"{hashlib.md5(content).hexdigest()}.{self.suffix}"  # noqa: S324 - a name
        self.files[name] = content
        kind = "application/zip" if self.suffix == "zip" else "application/netcdf"
        value = {"type": kind, "href": f"/cache/{name}", "file:size": len(content)}
        return JSONResponse({"asset": {"value": value}})

    async def file(self, request: Request) -> Response:
        self.asked.append("file")
        self.headers.append(request.headers)
        if "file" in self.faults:
            return self.faults["file"]()
        return Response(self.files[request.path_params["name"]])

    def made(self, dataset, inputs):
        """Return the file that answers a request."""
        cube = self.shape(made(dataset, inputs))
        content = netcdf(cube, "scipy" if self.suffix == "nc3" else "h5netcdf")
        if self.suffix != "zip":
            return content
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("data_0.nc", content)
        return out.getvalue()


def made(dataset, inputs):
    """Return the data set that answers a request."""
    north, west, south, east = inputs["area"]
    lon = np.round(np.arange(round(west * 10), round(east * 10) + 1) / 10, 1)
    lat = np.round(np.arange(round(north * 10), round(south * 10) - 1, -1) / 10, 1)
    moments = _moments(inputs)
    monthly = dataset.endswith("monthly-means")
    fields = {}
    for asked in inputs["variable"]:
        name = NAMES[asked]
        values = [_value(name, m, monthly=monthly) for m in moments]
        fields[name] = np.array(values)[:, None, None] * tilt(lat)[:, None] * np.ones_like(lon)
    return weather(moments, fields, lon=lon, lat=lat)


def _moments(inputs):
    """Every combination of the parts of a date that is one."""
    parts = (inputs[p] for p in ("year", "month"))
    years, months = ([p] if isinstance(p, str) else p for p in parts)
    days = inputs.get("day", ["01"])
    found = [
        utc(int(y), int(m), int(d), int(t[:2]))
        for y in years
        for m in months
        for d in days
        if int(d) <= calendar.monthrange(int(y), int(m))[1]
        for t in inputs["time"]
    ]
    return sorted(found)


def _value(name, moment, *, monthly):
    if monthly:  # as many times the first hour as the month has a number: mean of daily totals
        return moment.month * SUMS[name] if name in SUMS else LEVELS[name] + moment.month
    return since_midnight(moment) * SUMS[name] if name in SUMS else level(name, moment)
