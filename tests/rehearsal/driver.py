"""Looks at worlds day by day, as cron would, and kills itself at random: run as a script.

It is told of one world by a line of JSON, and answers with another. Each look is a child process;
several look at the same time, as on several machines. One that was killed, or that met a fault of
the line, is followed by another look of the same day, until one of each ends well.
"""

import datetime as dt
import json
import os
import random
import resource
import signal
import sys
import threading
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reliefscope.feeds.cems import Cems
from reliefscope.feeds.eonet import Eonet
from reliefscope.feeds.gdacs import Gdacs
from reliefscope.jobs.report import Outcome
from reliefscope.jobs.rules import Rules
from reliefscope.jobs.watch import Watch, look
from reliefscope.products.staging import write_json
from reliefscope.settings import Settings
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.products.conftest import draw_bare
from tests.rehearsal import warm

_MOST_LOOKS = 80
"""Of one watcher on one day."""
_MOST_STEPS, _LONGEST_S = 15, 0.5
"""A look that is to be killed takes so many steps at most, and then lives so long; a product takes
about ten."""


@dataclass(frozen=True)
class Fuse:
    """When a look kills itself."""

    steps: int
    seconds: float

    def on(self, watch):
        """Return a watch that burns it down."""
        left = iter(range(self.steps - 1, -1, -1))

        def burn(step):
            del step
            if next(left, None) == 0:
                bang = threading.Timer(self.seconds, os.kill, (os.getpid(), signal.SIGKILL))
                bang.daemon = True
                bang.start()

        return replace(watch, progress=burn)


@dataclass
class Child:
    """A look that goes on."""

    watcher: int
    report: Path
    fuse: Fuse | None


def main():
    """Drive watchers from day to day, in one world after the other."""
    draw_bare(pytest.MonkeyPatch())
    for line in sys.stdin:
        driver, before = _Driver(json.loads(line)), _spent_s()
        for text in driver.told["moments"]:
            driver.day(dt.datetime.fromisoformat(text))
        found = {name: getattr(driver, name) for name in ("kills", "looks", "rows", "made")}
        sys.stdout.write(json.dumps({**found, "cpu_s": _spent_s() - before}) + "\n")
        sys.stdout.flush()


def _spent_s():
    """Return the processor time of all looks that have ended [s]."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


class _Driver:
    def __init__(self, told):
        self.told, self.folder = told, Path(told["folder"])
        settings = Settings(cache=self.folder / "cache", allow_hosts=frozenset({"127.0.0.1"}))
        transport = Transport(settings, retry=Retry(attempts=4, first_s=0.01, longest_s=0.05))
        self.watch = Watch(
            settings=settings,
            rules=Rules.model_validate(told["rules"]),
            base=self.folder,
            catalog=self.folder / "catalog",
            state=self.folder / "state",
            feeds={
                feed.name: feed(transport=transport, url=f"{told['url']}/{feed.name}")
                for feed in (Eonet, Gdacs, Cems)
                if feed.name in told["feeds"]
            },
        )
        self.chance = random.Random(told["seed"])  # noqa: S311 - repeatable, guards nothing
        self.kills, self.looks, self.rows = 0, 0, []
        self.made = {}
        """Products by day."""
        self.left = 0

    def day(self, now):
        """Let every watcher look until it ends well; kill as many as the day's share is."""
        text = now.isoformat()
        _ask(f"{self.told['clock']}/clock?now={now:%Y-%m-%dT%H:%M:%S}%2B00:00")
        self.left += self.told["kills"].get(text, 0)
        before, looks = len(self.rows), self.looks
        watchers = range(self.told["watchers"])
        running = dict(self.start(now, watcher) for watcher in watchers)
        while running:
            pid, status = os.waitpid(-1, 0)
            child = running.pop(pid)
            if not self.ended(child, os.waitstatus_to_exitcode(status)):
                if self.looks - looks > _MOST_LOOKS * len(watchers):
                    raise SystemExit(f"{text}: no look ends well: {child.report.read_text()}")
                running |= [self.start(now, child.watcher)]
        self.made[text] = sum(outcome == "done" for _, _, outcome, *_ in self.rows[before:])

    def start(self, now, watcher):
        """Look in a child; return its number and what is known of it."""
        _ask(f"{self.told['clock']}/fault")
        self.looks += 1
        fuse = None
        if self.left > 0:
            self.left -= 1
            steps = self.chance.randint(1, _MOST_STEPS)
            fuse = Fuse(steps, self.chance.uniform(0, _LONGEST_S))
        child = Child(watcher, self.folder / f"rows-{watcher}", fuse)
        child.report.unlink(missing_ok=True)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = _look(fuse.on(self.watch) if fuse else self.watch, now, child.report)
            finally:
                os._exit(code)
        return pid, child

    def ended(self, child, code):
        """Keep what a child says; return whether it ended well."""
        killed = code == -signal.SIGKILL
        self.kills += killed
        self.left += child.fuse is not None and not killed  # it was too quick: another is killed
        said = json.loads(child.report.read_text()) if child.report.exists() else {"rows": []}
        self.rows += [row for row in said["rows"] if code == 0 or row[2] == "done"]
        warm.up(said.get("warmth", {}))
        return code == 0


def _look(watch, now, report):
    """Look; say after each row what has come of it, and at last what a look needs."""
    rows = []
    for row in look(watch, now):
        rows.append([row.event, row.stage, str(row.outcome), row.product, row.reason])
        write_json(report, {"rows": rows})
    write_json(report, {"rows": rows, "warmth": warm.of_this_process()})
    return 3 if any(outcome == Outcome.FAILED for _, _, outcome, *_ in rows) else 0


def _ask(url):
    try:
        with urllib.request.urlopen(url, timeout=180) as answer:  # noqa: S310 - loopback
            return answer.read()
    except urllib.error.HTTPError:
        return b""


if __name__ == "__main__":
    main()
