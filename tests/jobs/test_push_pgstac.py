"""Products sent to a STAC API that others have written: stac-fastapi over pgstac and PostgreSQL."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pystac
import pytest

from reliefscope.errors import InputError
from reliefscope.jobs.push import push
from reliefscope.products import package
from reliefscope.products.catalog import publish
from reliefscope.products.index import rebuild
from reliefscope.products.sheet import Policy
from reliefscope.settings import Settings
from tests.products.conftest import make_light
from tests.products.scene import RELEASED, make_product
from tests.servers import _answers, _wait, free_port

pytestmark = pytest.mark.pgstac

POLICY = Policy(producer="Office", disclaimer="d", catalog_url="https://maps.example/c")
V1, V2 = (f"EMSR771_AOI01_DEL_PRODUCT_r1_v{n}" for n in (1, 2))
_SCRIPTS = Path(sysconfig.get_path("scripts"))


def _binaries():
    """Return the folder of PostgreSQL's programs: Debian keeps the server's off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).resolve().parent if path else None


@pytest.fixture(scope="module")
def database():
    """A PostgreSQL cluster of its own, in a temporary folder, not run by root."""
    if find_spec("stac_fastapi") is None or find_spec("pypgstac") is None:
        pytest.skip("nothing is pushed to a real API here: pip install '.[pgstac]'")
    if _binaries() is None and os.environ.get("CI", "").lower() == "true":
        pytest.fail("PostgreSQL is not installed, and CI must push to a real API")
    if _binaries() is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql-15-postgis-3)")
    who = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    other = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    other = other if os.geteuid() == 0 else {}
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="reliefscope-pg-") as folder:
        os.chown(folder, who.pw_uid, who.pw_gid)
        data, programs = f"{folder}/data", _binaries()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        making = [programs / "initdb", "-D", data, "-U", "relief", "-A", "trust", "-N"]
        subprocess.run([*making, "-E", "UTF8", "--locale=C"], check=True, **quiet, **other)  # noqa: S603
        options = {
            "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "",
            "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
        }  # fmt: skip
        running = [programs / "postgres", "-D", data]
        running += [part for k, v in options.items() for part in ("-c", f"{k}={v}")]
        server = subprocess.Popen(running, **quiet, **other)  # noqa: S603
        try:
            ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            _wait(lambda: subprocess.run(ready, check=False).returncode == 0)  # noqa: S603
            yield {
                "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "relief",
                "PGPASSWORD": "none", "PGDATABASE": "postgres",
            }  # fmt: skip
        finally:
            server.terminate()
            server.wait(180)


def _serve(database, *, transactions):
    """Return the process of an API over the database, and its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "stac_fastapi.pgstac.app:create_app"]
    wanted = {"ENABLE_TRANSACTIONS_EXTENSIONS": str(transactions).lower()}
    process = subprocess.Popen(  # noqa: S603 - a server from a package, on loopback
        [*command, "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"],
        env={**os.environ, **database, **wanted},
    )
    return process, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def api(database):
    subprocess.run(  # noqa: S603 - a program of a package
        [_SCRIPTS / "pypgstac", "migrate"], check=True, env={**os.environ, **database},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    process, url = _serve(database, transactions=True)
    try:
        _wait(lambda: _answers(url))
        yield url
    finally:
        process.terminate()
        process.wait(180)


@pytest.fixture
def catalog(monkeypatch, tmp_path):
    monkeypatch.setattr(package.Maker, "count", package.Maker.count)
    monkeypatch.setattr(package.Maker, "fill", package.Maker.fill)
    make_light(package.Maker)
    publish(make_product(), tmp_path / "catalog", released=RELEASED)
    return tmp_path / "catalog"


def _asked(url):
    with urllib.request.urlopen(url, timeout=180) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def test_a_catalog_lives_in_a_real_api(api, catalog, tmp_path):
    """Created, left alone, marked as replaced, searched for, deleted: all of it by pgstac."""
    settings = Settings(cache=tmp_path / "cache")

    def send(**over):
        return push(catalog, api, settings=settings, policy=POLICY, **over)

    assert send().created == (V1,)
    assert send().unchanged == (V1,)
    publish(make_product(parameters={"mmu": 20.0}), catalog, released=RELEASED)
    done = send()
    assert (done.created, done.replaced, done.left) == ((V2,), (V1,), ())
    assert send().unchanged == (V1, V2)

    found = _asked(f"{api}/search?collections=flood&ids={V1},{V2}")["features"]
    items = {i["id"]: i for i in found}
    assert items[V1]["properties"]["deprecated"] is True
    item = pystac.Item.from_dict(items[V2])
    stored = pystac.Item.from_file(str(catalog / "flood" / "EMSR771" / V2 / "item.json"))
    assert item.datetime == stored.datetime
    assert set(item.assets) == set(stored.assets)
    base = f"https://maps.example/c/flood/EMSR771/{V2}"
    assert item.assets["state"].href == f"{base}/state.tif"
    assert "deprecated" not in item.properties
    links = {link["rel"]: link["href"] for link in items[V2]["links"]}
    assert links["predecessor-version"] == f"{api}/collections/flood/items/{V1}"
    assert _asked(links["predecessor-version"])["id"] == V1
    extent = _asked(f"{api}/collections/flood")["extent"]["spatial"]["bbox"][0]
    assert extent == pytest.approx(stored.bbox)

    shutil.rmtree(catalog / "flood" / "EMSR771" / V1)
    rebuild(catalog)
    done = send(delete=True)
    assert (done.replaced, done.deleted) == ((V2,), (V1,))
    left = _asked(f"{api}/collections/flood/items")["features"]
    assert [i["id"] for i in left] == [V2]
    assert "predecessor-version" not in {link["rel"] for link in left[0]["links"]}


def test_a_real_api_that_can_only_be_read(api, database, catalog, tmp_path):
    """The same server with transactions switched off is refused in words."""
    del api  # the schema is made
    process, url = _serve(database, transactions=False)
    try:
        _wait(lambda: _answers(url))
        with pytest.raises(InputError, match="can be read only"):
            push(catalog, url, settings=Settings(cache=tmp_path / "cache"), policy=POLICY)
    finally:
        process.terminate()
        process.wait(180)
