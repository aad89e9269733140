"""The commands that look around, as a person types them, against feeds on loopback."""

import datetime as dt
import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from reliefscope import cli
from reliefscope.cli import main, world
from reliefscope.feeds.usgs import Usgs
from reliefscope.jobs import events as listing
from reliefscope.transport.credentials import Access
from tests.servers import app_server

NOW = dt.datetime.now(dt.UTC)


def _quake(name="us7000abcd", magnitude=6.8, place="10 km W of [red]Somewhere[/red]"):
    moment = int((NOW - dt.timedelta(days=2)).timestamp() * 1000)
    return {
        "type": "Feature",
        "id": name,
        "geometry": {"type": "Point", "coordinates": [14.0, 42.0, 10.0]},
        "properties": {
            "mag": magnitude, "place": place, "time": moment, "updated": moment,
            "url": f"https://earthquake.usgs.gov/earthquakes/eventpage/{name}",
            "alert": "orange", "type": "earthquake", "title": f"M {magnitude} - {place}",
            "ids": f",{name},", "code": name[2:], "net": "us",
        },
    }  # fmt: skip


@pytest.fixture
def usgs(monkeypatch, tmp_path):
    """One feed on loopback in place of all."""
    answer = {"type": "FeatureCollection", "metadata": {}, "features": [_quake()]}

    async def ask(request):
        return JSONResponse(_quake() if "eventid" in request.query_params else answer)

    app = Starlette(routes=[Route("/{rest:path}", ask)])
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RELIEFSCOPE_ALLOW_HOSTS", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "160")
    with app_server(app) as url:
        monkeypatch.setattr(
            listing,
            "FEEDS",
            {"usgs": lambda transport: Usgs(url=f"{url}/query", transport=transport)},
        )
        yield answer


def test_events_are_listed_and_titles_are_only_text(usgs, capsys):
    """The table shows the quake; markup in its title is printed, not obeyed."""
    assert usgs
    assert main(["events"]) == 0
    said = "".join(capsys.readouterr().out.split())
    assert "earth" in said
    assert "[red]" in said


def test_events_as_geojson(usgs, capsys):
    """A feature collection with the lineage of each event."""
    assert usgs
    assert main(["events", "--hazard", "earthquake", "--format", "geojson"]) == 0
    collection = json.loads(capsys.readouterr().out)
    (feature,) = collection["features"]
    assert feature["geometry"]["type"] == "Polygon"
    assert feature["properties"]["reports"][0]["feed"] == "usgs"


def test_nothing_of_the_kind_is_exit_three(usgs, capsys):
    """No flood is reported: said so, with what to try."""
    assert usgs
    assert main(["events", "--hazard", "flood"]) == 3
    assert "widen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--hazard", "meteor"], "meteor"), (["--since", "soon"], "2024-03-01")],
)
def test_what_cannot_be_asked_is_exit_two(usgs, capsys, arguments, message):
    """What was given and what is allowed."""
    assert usgs
    assert main(["events", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_event_becomes_a_file_to_edit(usgs, capsys):
    """TOML that names the event, its hazard and its area."""
    assert usgs
    assert main(["events", "--toml", "USGS:us7000abcd"]) == 0
    text = capsys.readouterr().out
    assert 'hazard = "earthquake"' in text
    assert "[area]" in text


def test_doctor_prints_no_secret(monkeypatch, tmp_path, capsys):
    """One service well, one ill, one without credentials, one with: none of them printed."""
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path))
    monkeypatch.setenv("RELIEFSCOPE_ALLOW_HOSTS", "127.0.0.1")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    monkeypatch.setenv("FIRMS_MAP_KEY", "s3cret-key")
    app = Starlette(
        routes=[
            Route("/well", lambda _: PlainTextResponse("ok")),
            Route("/ill", lambda _: PlainTextResponse("no", 503)),
        ]
    )
    with app_server(app) as url:
        services = (
            Access(service="open", probe=f"{url}/well"),
            Access(service="ill", probe=f"{url}/ill"),
            Access(service="keyed", names=("FIRMS_MAP_KEY",), how="ask", probe=f"{url}/well"),
            Access(service="guarded", names=("CDSE_USERNAME", "CDSE_PASSWORD"), how="register"),
        )
        monkeypatch.setattr(world, "SERVICES", services)
        assert main(["doctor"]) == 0
        table = " ".join(capsys.readouterr().out.split())
        assert main(["doctor", "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
    said = {row["service"]: row for row in printed["services"]}
    here = {row["name"]: row for row in printed["machine"]}
    assert set(here) == {"catalog", "cache", "engine", "damaged files"}
    assert here["engine"] == {"name": "engine", "well": True, "detail": "threads"}
    assert str(tmp_path) in here["cache"]["detail"]
    assert "environment" in table
    assert "register" in table
    assert [said[name]["answers"] for name in ("open", "ill", "keyed", "guarded")] == [
        True,
        False,
        True,
        None,
    ]
    assert "s3cret" not in table + json.dumps(said)


def test_a_wrong_setting_is_a_sentence(monkeypatch, capsys):
    """Not a traceback."""
    monkeypatch.setenv("RELIEFSCOPE_CACHE_QUOTA_GB", "lots")
    assert cli.main(["doctor"]) == 2
    assert "in gigabytes" in " ".join(capsys.readouterr().err.split())
