"""A whole rehearsal: an undisturbed watch, and one on a bad line that is killed at random."""

import contextlib
import datetime as dt
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.faults.proxy import Fault, fault_proxy
from tests.servers import app_server

KINDS = ("cut", "reset", "503", "429", "page", "says too little", "chunked")
"""What the line does; flipped bits in JSON cannot be told from what a provider says."""


def moments(onset, days):
    """Return the evenings, so many days after an onset, which the clock shows one by one."""
    start = dt.datetime(onset.year, onset.month, onset.day, 18, tzinfo=dt.UTC)
    return [(start + dt.timedelta(days=day)).isoformat() for day in days]


def rules(stages, url):
    """Return rules that map everything of some hazards, from one catalog; stages by hazard."""
    return {
        "rules": [
            {
                "name": hazard,
                "hazards": [hazard],
                "stages": list(wanted),
                "resolution": 10,
                "monitor_days": 40,
            }
            for hazard, wanted in stages.items()
        ],
        "days": 60,
        "sources": {
            "loop": {"type": "stac", "profile": "planetary-computer", "url": f"{url}/stac"}
        },
    }


def kills_of(calm, kills):
    """Return how often to kill on each day: as its products are many, that a calm run made."""
    made, share = sum(calm["made"].values()), calm["made"].items()
    return {day: math.ceil(kills * count / made) for day, count in share if count}


@contextlib.contextmanager
def driving(root, log):
    """Run a driver; yield it. What it says beside its answers goes to a file."""
    paths = [str(root), os.environ.get("PYTHONPATH", "")]
    with (
        log.open("w") as said,
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.rehearsal.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        ) as process,
    ):
        yield Driver(process, log)


@dataclass
class Driver:
    """A process that drives watchers."""

    process: subprocess.Popen
    log: Path

    def rehearse(  # noqa: PLR0913 - all but three have a default
        self, folder, world, days, stages, *, calm=None, kills=0, watchers=1, seed=0, faulty=False
    ):
        """Run watchers over the days; return what the driver says.

        With ``calm``, what it said of a run that nothing disturbed, they are killed.
        """
        folder.mkdir(parents=True, exist_ok=True)
        fault = Fault(kind="cut", times=0, seed=seed)

        def fault_now(request):
            """Break two of the answers that follow, each time in another way."""
            del request
            if faulty:
                fault.kind = KINDS[fault.random.randrange(len(KINDS))]
                fault.broken, fault.times = 0, 2
            return PlainTextResponse("set")

        app = world.app()
        app.routes.insert(0, Route("/fault", fault_now))
        with app_server(app) as url, fault_proxy(url, fault) as line:
            world.base = line
            return self._ask(
                {
                    "folder": str(folder),
                    "url": line,
                    "clock": url,
                    "feeds": sorted(world.reported),
                    "rules": rules(stages, line),
                    "moments": days,
                    "kills": kills_of(calm, kills) if calm else {},
                    "watchers": watchers,
                    "seed": seed,
                }
            )

    def _ask(self, told):
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()[-4000:]
        return json.loads(answer)


def facts(catalog):
    """Return the bytes of all facts by product."""
    return {p.parent.name: p.read_bytes() for p in catalog.glob("[!.]*/[!.]*/[!.]*/facts.json")}
