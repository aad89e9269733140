"""Batches: each product its row, whatever happens to the others."""

import contextlib
import csv
import datetime as dt
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from reliefscope.cli import main
from reliefscope.jobs import batch as module
from reliefscope.jobs.batch import Batch, run_batch
from reliefscope.jobs.manifest import read_manifest
from reliefscope.jobs.report import Outcome, Report, Result, as_csv, as_html, write_report
from reliefscope.products import package
from reliefscope.products.catalog import find
from reliefscope.settings import Settings
from tests.products.conftest import draw_bare
from tests.scenes import WHEN, lonlat_bounds, write_raster
from tests.servers import object_store

NOW = dt.datetime(2024, 3, 9, tzinfo=dt.UTC)
SIZE = 96


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A manifest whose rows go well, find nothing, see nothing, and are wrong."""
    folder = tmp_path_factory.mktemp("batch")
    noise = np.random.default_rng(1).gamma(4.4, 1 / 4.4, (2, SIZE, SIZE))
    lake = np.hypot(*(np.indices((SIZE, SIZE)) - SIZE / 2)) < 25
    scene = (noise * np.where(lake, 0.004, 0.1)).astype("float32")
    for name, values in (("seen", scene), ("unseen", scene * np.nan)):
        for band, pixels in zip(("vv", "vh"), values, strict=True):
            stamp = f"{WHEN:%Y%m%dT%H%M%S}_{band}.tif"
            path = write_raster(folder / name / stamp, pixels)
    west, south, east, north = lonlat_bounds(path)
    here = f"areas = [{{ bbox = [{west}, {south}, {east}, {north}], name = 'Lake' }}]"

    def event(name, scenes, area=here):
        return f"""
[[events]]
event = {{ id = "{name}", hazard = "flood", onset = 2024-03-01T00:00:00Z }}
{area}
sources = {{ mine = {{ type = "files", folder = "{scenes}", units = {{ vv = "1", vh = "1" }} }} }}
"""

    text = "[defaults]\nresolution = 10\n"
    text += event("GOOD", "seen") + event("DARK", "unseen")
    text += event("FAR", "seen", "areas = [{ bbox = [100, 10, 100.01, 10.01] }]")
    text += event("LOST", "nowhere") + event("LAST", "seen")
    (folder / "manifest.toml").write_text(text, encoding="utf-8")
    return folder


def batch(home, catalog, **more):
    return Batch(
        settings=Settings(cache=home / "cache"),
        catalog=catalog,
        base=home,
        released=NOW,
        run_id="r1",
        **more,
    )


def run(home, catalog, **more):
    return list(run_batch(read_manifest(home / "manifest.toml"), batch(home, catalog, **more)))


@pytest.fixture
def bare(monkeypatch):
    draw_bare(monkeypatch)


@pytest.mark.usefixtures("bare")
def test_every_row_says_how_it_went(home, tmp_path):
    """Done, insufficient, no data, failed with its reason, done; again: skipped, facts the same."""
    told = []
    reports = run(home, tmp_path / "catalog", published=lambda p: told.append(p.product_id))
    outcomes = [r.outcome for r in reports[-1].results]
    assert outcomes == [
        Outcome.DONE,
        Outcome.INSUFFICIENT,
        Outcome.NO_DATA,
        Outcome.FAILED,
        Outcome.DONE,
    ]
    assert reports[-1].partial
    assert [r.outcome for r in reports[0].results] == [Outcome.NOT_RUN] * 5
    failed = reports[-1].results[3]
    assert "InputError" in failed.reason
    assert "nowhere" in failed.reason
    assert reports[-1].results[0].steps["Computing layers"] > 0
    ids = ["GOOD_AOI01_DEL_PRODUCT_r1_v1", "LAST_AOI01_DEL_PRODUCT_r1_v1"]
    assert told == ids
    before = {e.product_id: e.facts.read_bytes() for e in find(tmp_path / "catalog")}
    assert sorted(before) == ids
    again = run(home, tmp_path / "catalog", published=lambda p: told.append(p.product_id))[-1]
    assert [again.results[i].outcome for i in (0, 4)] == [Outcome.SKIPPED] * 2
    assert told == ids
    assert {e.product_id: e.facts.read_bytes() for e in find(tmp_path / "catalog")} == before


@pytest.mark.usefixtures("bare")
def test_a_full_disk_stops_the_run_and_says_what_to_do(home, tmp_path, monkeypatch):
    """The first row fails with advice, the others are not run, nothing is left behind."""

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package, "write_vectors", full)
    report = run(home, tmp_path / "catalog")[-1]
    assert report.results[0].outcome is Outcome.FAILED
    assert "free disk space" in report.results[0].reason
    assert [r.outcome for r in report.results[1:]] == [Outcome.NOT_RUN] * 4
    assert "stopped before it" in report.results[-1].reason
    assert find(tmp_path / "catalog") == []


def test_a_full_cache_stops_the_run_too(home, tmp_path, monkeypatch):
    """What the system refuses outside the catalog is no bug of ours either."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "carry_out", refused)
    report = run(home, tmp_path)[-1]
    assert "make it writable" in report.results[0].reason
    assert report.results[1].outcome is Outcome.NOT_RUN


def test_a_bug_of_ours_is_one_row(home, tmp_path, monkeypatch, caplog):
    """It is told as what it is, logged with its trace, and the next row runs."""

    def broken(*_, **__):
        raise ZeroDivisionError("by a bug")

    monkeypatch.setattr(module, "carry_out", broken)
    report = run(home, tmp_path)[-1]
    assert report.results[0].reason == "a bug of ours: ZeroDivisionError: by a bug"
    assert {r.outcome for r in report.results} == {Outcome.FAILED}
    assert "Traceback" in caplog.text


def said(*command, code=0):
    """Run a command; return what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*map(str, command)]) == code
    return out.getvalue()


@pytest.fixture(scope="module")
def ran(home, tmp_path_factory, receiver):
    """The catalog of the manifest run from the command line, and what was printed."""
    catalog = tmp_path_factory.mktemp("ran") / "catalog"
    hooks = home / "recipients.toml"
    hooks.write_text(f'webhooks = [{{ url = "{receiver.url}" }}]\n', encoding="utf-8")
    command = ["batch", home / "manifest.toml", "--released", "2024-03-09T00:00:00Z", "--json"]
    with pytest.MonkeyPatch.context() as patch:
        draw_bare(patch)
        patch.setenv("RELIEFSCOPE_CATALOG", str(catalog))
        patch.setenv("RELIEFSCOPE_CACHE", str(home / "cache"))
        patch.setenv("RELIEFSCOPE_WEBHOOK_SECRET", "a long random text")
        patch.setenv("NETRC", str(home / "none"))
        printed = said(*command, "--notify", hooks, "--feed", code=6)
        yield catalog, json.loads(printed)


def test_the_command_ends_with_six_and_writes_its_report(ran):
    """Exit 6 as the catalog lacks products; the report lies in the catalog, in three forms."""
    catalog, printed = ran
    (folder,) = (catalog / ".runs").iterdir()
    assert json.loads((folder / "report.json").read_text()) == printed
    assert printed["counts"] == {"done": 2, "insufficient": 1, "no data": 1, "failed": 1}
    lines = list(csv.DictReader(io.StringIO((folder / "report.csv").read_text())))
    assert [line["outcome"] for line in lines] == [r["outcome"] for r in printed["results"]]
    assert (folder / "report.html").read_text().count("<tr class=") == 5
    assert len(find(catalog)) == 2


def test_whoever_wants_to_hear_of_a_batch_does(ran, receiver):
    """Each product once: a webhook, an entry of the feed, a message."""
    catalog, _ = ran
    ids = sorted(e.product_id for e in find(catalog))
    assert sorted(json.loads(body)["product"] for _, body in receiver.got) == ids
    feed = (catalog / "feed" / "atom.xml").read_text(encoding="utf-8")
    assert feed.count("<entry>") == 2
    assert all(f"{id_}.cap.xml" in feed for id_ in ids)
    messages = sorted(p.name for p in (catalog / "feed").glob("*.cap.xml"))
    assert messages == [f"{id_}.cap.xml" for id_ in ids]


def test_what_lies_in_the_catalog_is_fed_measured_bundled_and_verified(ran, tmp_path):
    """The commands after a batch: the same feed, the counts, a bundle that a receiver can check."""
    catalog, _ = ran
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (catalog / "feed").iterdir()}
    said("feed")
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in (catalog / "feed").iterdir()}
    assert after == before
    metrics = tmp_path / "reliefscope.prom"
    said("metrics", "-o", metrics)
    assert 'reliefscope_products{exercise="false",hazard="flood"} 2.0' in metrics.read_text()
    assert said("metrics") == metrics.read_text()
    bundle = tmp_path / "GOOD.zip"
    assert "1 product(s)" in said("bundle", "GOOD", "-o", bundle)
    said("verify", bundle)
    with zipfile.ZipFile(bundle) as opened:
        (state,) = (m for m in opened.infolist() if m.filename.endswith("/state.tif"))
    content = bytearray(bundle.read_bytes())
    content[state.header_offset + 30 + len(state.filename) + state.compress_size // 2] ^= 1
    bundle.write_bytes(content)
    assert main(["verify", str(bundle)]) != 0


@pytest.mark.usefixtures("bare")
def test_a_batch_publishes_into_an_object_store(home, tmp_path, monkeypatch):
    """By the settings alone; the report lies here; a second machine skips what is there; the feed
    is there too."""
    text = (home / "manifest.toml").read_text(encoding="utf-8")
    (home / "one.toml").write_text(text.partition('[[events]]\nevent = { id = "DARK')[0])
    with object_store("relief") as url:
        keys = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "s3cret"}
        keys |= {"AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1"}
        keys |= {"RELIEFSCOPE_CATALOG": "s3://relief/maps"}
        for name, value in keys.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        command = ["batch", home / "one.toml", "--released", "2024-03-09T00:00:00Z", "--json"]
        for machine, outcome in (("one", "done"), ("two", "skipped")):
            monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / machine))
            printed = json.loads(said(*command))
            (row,) = printed["results"]
            assert row["outcome"] == outcome
            assert row["folder"] == "s3://relief/maps/flood/GOOD/GOOD_AOI01_DEL_PRODUCT_r1_v1"
            report = tmp_path / "reliefscope-runs" / printed["run_id"] / "report.json"
            assert json.loads(report.read_text()) == printed
        assert json.loads(said(*command, "--feed"))["results"][0]["outcome"] == "skipped"
        assert "2 file(s); the feed is s3://relief/maps/feed/atom.xml" in said("feed")
        monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "three"))
        metrics = said("metrics")
        assert 'reliefscope_products{exercise="false",hazard="flood"} 1.0' in metrics
        assert 'reliefscope_run_products{outcome="skipped",run="batch"} 1.0' in metrics
        bundle = tmp_path / "GOOD.zip"
        assert "1 product(s)" in said("bundle", "GOOD", "-o", bundle)
        said("verify", bundle)
    assert "s3cret" not in str(printed)


def result(**over):
    fields = {
        "event": "E", "area": "A", "indicator": "flood_sar", "stage": "DEL", "languages": ("en",),
        "outcome": Outcome.FAILED, "reason": "because",
    }  # fmt: skip
    return Result(**fields | over)


def test_text_from_outside_is_text_in_every_form(tmp_path):
    """Markup is escaped on the page; a cell that a spreadsheet would run is quoted."""
    bad = result(event="=cmd|' /C calc'!A0", area="<script>alert(1)</script>", reason="<b>x</b>")
    report = Report(run_id="<r>", started="2024", engine="threads", results=(bad,))
    page = as_html(report)
    assert "<script>" not in page
    assert "<b>x" not in page
    assert "&lt;script&gt;" in page
    assert list(csv.reader(io.StringIO(as_csv(report))))[1][0].startswith("'=cmd")
    write_report(report, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["results"][0]["event"].startswith("=")


def test_a_report_is_partial_unless_all_is_in_the_catalog():
    """Done and skipped are well; anything else is not."""

    def partial(*outcomes):
        rows = tuple(result(outcome=o) for o in outcomes)
        return Report(run_id="r", started="s", engine="threads", results=rows).partial

    assert not partial(Outcome.DONE, Outcome.SKIPPED)
    for outcome in set(Outcome) - {Outcome.DONE, Outcome.SKIPPED}:
        assert partial(Outcome.DONE, outcome)


def test_a_catalog_that_cannot_be_written_says_so(home, guarded):
    """No permission: the run stops with what to do."""
    report = run(home, guarded / "catalog")[-1]
    assert "writable" in report.results[0].reason


@pytest.fixture
def guarded(tmp_path):
    """A folder in which this user may make nothing; of Linux' own, root may not either."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder = Path("/sys/kernel")
        if not folder.is_dir():
            pytest.skip("root may write everywhere here")
        yield folder
        return
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)
