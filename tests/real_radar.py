"""Real Sentinel-1 chips behind a real STAC API and a real server of byte ranges."""

import contextlib
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pystac

from tests.scenes import lonlat_bounds, make_collection, make_item
from tests.servers import file_server, stac_server

_LISTED_AS = {"Mekong": "Cambodia"}


@contextlib.contextmanager
def served_chips(chips: Path, scratch: Path) -> Iterator[str]:
    """Serve every chip of the folder; yield the landing page of the API."""
    facts = _facts(chips)
    with file_server(chips) as files:
        items = [_item(p, facts, files) for p in sorted(chips.glob("*_S1Hand.tif"))]
        with stac_server(scratch, make_collection("sen1floods11"), items) as url:
            yield url


def taken(chips: Path, country: str) -> dt.datetime:
    """Return the day of acquisition over a country."""
    return _day(_facts(chips)[_LISTED_AS.get(country, country)])


def _facts(chips: Path):
    known = json.loads((chips / "Sen1Floods11_Metadata.geojson").read_text(encoding="utf-8"))
    return {f["properties"]["location"]: f["properties"] for f in known["features"]}


def _day(properties) -> dt.datetime:
    return dt.datetime.strptime(properties["s1_date"], "%Y/%m/%d").replace(hour=6, tzinfo=dt.UTC)


def _item(path: Path, facts, files: str) -> pystac.Item:
    place = path.name.split("_")[0]
    about = facts[_LISTED_AS.get(place, place)]
    item = make_item(
        path.stem,
        lonlat_bounds(path),
        _day(about),
        collection="sen1floods11",
        platform="sentinel-1",
        instruments=["c-sar"],
        gsd=10,
        **{
            "sat:relative_orbit": int(float(about["rel_orbit_num"])),
            "sat:orbit_state": about["orbit"].lower(),
        },
    )
    bands = [{"name": n, "unit": "dB", "nodata": "nan"} for n in ("vv", "vh")]
    item.add_asset(
        "data", pystac.Asset(f"{files}/{path.name}", extra_fields={"raster:bands": bands})
    )
    return item
