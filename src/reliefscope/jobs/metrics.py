"""Metrics of catalog, cache, watch and runs, in the text format of Prometheus."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from reliefscope.jobs.quarantine import Quarantine
from reliefscope.products.index import entry_of
from reliefscope.products.store import Catalog, store_of
from reliefscope.settings import Settings
from reliefscope.transport.store import Store


def metrics_text(catalog: Catalog, settings: Settings, *, runs: Path, state: Path) -> str:
    """Return the metrics as they stand now; the clock is not read, so that nothing is "ago".

    Parameters
    ----------
    catalog : Path or S3Catalog
        Whose products are counted.
    settings : Settings
        Says where the cache is.
    runs, state : Path
        Folders of the reports of batches and of the state of the watch.
    """
    registry = CollectorRegistry()
    _catalog(registry, catalog)
    _watch(registry, state)
    _runs(registry, runs, state)
    set_aside = Gauge("reliefscope_quarantined_files", "Damaged files", registry=registry)
    set_aside.set(len(Quarantine(cache=settings.cache).listed()))
    held = Gauge("reliefscope_cache_bytes", "Size of fetched files", registry=registry)
    held.set(Store(settings.cache, settings.cache_quota).usage())
    quota = Gauge("reliefscope_cache_quota_bytes", "Most that is kept", registry=registry)
    quota.set(settings.cache_quota)
    return generate_latest(registry).decode()


def _catalog(registry: CollectorRegistry, catalog: Catalog) -> None:
    known = store_of(catalog).items()
    entries = [entry_of(*item) for item in known]
    products = Gauge(
        "reliefscope_products", "Published products", ["hazard", "exercise"], registry=registry
    )
    for (hazard, exercise), count in Counter((e.hazard, e.exercise) for e in entries).items():
        products.labels(hazard, str(exercise).lower()).set(count)
    delay = Gauge(
        "reliefscope_image_age_at_release_seconds",
        "Release minus acquisition of the latest image, of the latest product",
        ["hazard"],
        registry=registry,
    )
    released = Gauge(
        "reliefscope_last_release_timestamp_seconds", "When", ["hazard"], registry=registry
    )
    newest: dict[str, tuple[float, float]] = {}
    for entry, (_, document) in zip(entries, known, strict=True):
        moment = dt.datetime.fromisoformat(document["properties"]["created"]).timestamp()
        newest[entry.hazard] = max(
            newest.get(entry.hazard, (0.0, 0.0)), (moment, moment - entry.datetime.timestamp())
        )
    for hazard, (moment, age) in newest.items():
        released.labels(hazard).set(moment)
        delay.labels(hazard).set(age)


def _watch(registry: CollectorRegistry, state: Path) -> None:
    events = Gauge("reliefscope_watched_events", "Disasters", ["closed"], registry=registry)
    found = [_json(p) for p in (state / "events").glob("[!.]*.json")]
    for closed, count in Counter(bool(w.get("closed")) for w in found).items():
        events.labels(str(closed).lower()).set(count)


def _runs(registry: CollectorRegistry, runs: Path, state: Path) -> None:
    """Tell of the latest batch and of the latest look of the watch."""
    rows = Gauge(
        "reliefscope_run_products", "Rows of the latest run", ["run", "outcome"], registry=registry
    )
    spent = Gauge(
        "reliefscope_run_step_seconds", "Of the latest run", ["run", "step"], registry=registry
    )
    batches = sorted(runs.glob("*/report.json"))[-1:]
    for kind, paths in (("batch", batches), ("watch", [state / "report" / "report.json"])):
        for report in map(_json, paths):
            for outcome, count in report.get("counts", {}).items():
                rows.labels(kind, outcome).set(count)
            steps: Counter[str] = Counter()
            for result in report.get("results", ()):
                steps.update(result.get("steps", {}))
            for step, seconds in steps.items():
                spent.labels(kind, step).set(seconds)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or being written
        return {}
    return found if isinstance(found, dict) else {}
