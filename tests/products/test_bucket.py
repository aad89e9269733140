"""A catalog in an object store: published, found, opened, verified and mended as in a folder."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import obstore
import pyarrow.parquet as pq
import pystac
import pytest
from obstore.store import S3Store
from stac_geoparquet.arrow import stac_table_to_items

from reliefscope.cli import main
from reliefscope.errors import InputError, PublishError
from reliefscope.model.event import Event
from reliefscope.products import bucket
from reliefscope.products.bucket import S3Catalog
from reliefscope.products.catalog import fetch, find, find_package, open_entry, prunable, publish
from reliefscope.products.index import TABLE, items_of
from reliefscope.products.lease import Lease
from reliefscope.products.objects import Objects
from reliefscope.products.store import catalog_at, store_of
from reliefscope.products.verify import verify
from reliefscope.settings import Settings
from tests.products.conftest import LIGHT
from tests.products.scene import RELEASED, make_context, make_product
from tests.products.test_catalog import FILES, V1
from tests.servers import object_store

light = pytest.mark.usefixtures("light_package")
whole = pytest.mark.usefixtures("plain_sheet")

BUCKET, KEY, SECRET = "relief", "AKIA-of-nobody", "s3cret/of+nobody"


@pytest.fixture(scope="module")
def server():
    with object_store(BUCKET) as url:
        yield url


@pytest.fixture
def place(request):
    return f"s3://{BUCKET}/{request.node.name.replace('[', '-').rstrip(']')}"


@pytest.fixture
def settings(server, tmp_path):
    return settings_of(server, tmp_path / "cache")


def settings_of(server, cache):
    secrets = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    return Settings(cache=cache, s3_endpoint=server, s3_region="us-east-1", secrets=secrets)


@pytest.fixture
def catalog(place, settings):
    return catalog_at(place, settings)


@pytest.fixture(scope="module")
def store(server):
    return S3Store(
        BUCKET, endpoint=server, access_key_id=KEY, secret_access_key=SECRET, region="us-east-1",
        virtual_hosted_style_request=False, client_options={"allow_http": True},
    )  # fmt: skip


def keys(store, place):
    prefix = place.removeprefix(f"s3://{BUCKET}/")
    return {
        e["path"].removeprefix(f"{prefix}/")
        for page in obstore.list(store, prefix=prefix) for e in page
        if "/.locks/" not in e["path"]
    }  # fmt: skip


def content(store, place, name):
    prefix = place.removeprefix(f"s3://{BUCKET}/")
    return bytes(obstore.get(store, f"{prefix}/{name}").bytes())


def listed(store, place):
    table = pq.read_table(io.BytesIO(content(store, place, TABLE)))
    return {i["id"]: i for i in stac_table_to_items(table)}


def make_other(event_id):
    event = make_product().event
    other = Event(
        id=event_id, title="t", hazard=event.hazard, area=event.area, onset=event.onset
    )  # fmt: skip
    return make_product(event=other)


@whole
@pytest.mark.filterwarnings("ignore:The item .* is deprecated")
def test_from_publishing_to_pruning(store, place, catalog, server, tmp_path):
    """Whole packages and lists; a second machine finds, opens, verifies; versions and removal."""
    first = publish(make_product(), catalog, context=make_context(), released=RELEASED)
    folder = f"flood/EMSR771/{V1}"
    assert keys(store, place) == {
        *(f"{folder}/{n}" for n in FILES), "catalog.json", TABLE, "flood/collection.json",
    }  # fmt: skip
    again = publish(make_product(), catalog, context=make_context(), released=RELEASED)
    assert first.created
    assert not again.created

    elsewhere = catalog_at(place, settings_of(server, tmp_path / "other machine"))
    (entry,) = find(elsewhere, event="EMSR771")
    assert open_entry(elsewhere, entry).facts == first.facts
    assert sorted(p.name for p in entry.folder.iterdir()) == ["facts.json", "item.json"]
    assert {p.name for p in fetch(elsewhere, entry).iterdir()} == FILES
    assert all(g.passed is not False for g in verify(entry.folder))

    changed = make_product(parameters={"mmu": 20.0})
    second = publish(changed, elsewhere, context=make_context(), released=RELEASED)
    item = json.loads(content(store, place, f"{folder}/item.json"))
    assert item["properties"]["deprecated"] is True
    assert set(listed(store, place)) == {first.product_id, second.product_id}
    (old,) = prunable(catalog)
    assert old.product_id == V1
    store_of(catalog).remove([old])
    assert set(listed(store, place)) == {second.product_id}
    assert not any(k.startswith(folder) for k in keys(store, place))
    assert find(catalog, hazard="fire") == []


@light
def test_static_catalog_is_the_same_as_in_a_folder(store, place, catalog, tmp_path):
    """What lies in the store, copied into a folder, is a catalog that pystac walks and we read."""
    publish(make_product(), catalog, context=make_context(), released=RELEASED)
    publish(make_other("EV2"), catalog, released=RELEASED)
    copy = tmp_path / "copy"
    for key in keys(store, place):
        path = copy / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(store, place, key))
    root = pystac.Catalog.from_file(str(copy / "catalog.json"))
    assert {i.id for i in root.get_items(recursive=True)} == {e.product_id for e in find(copy)}
    assert [e.product_id for e in find(copy)] == [e.product_id for e in find(catalog)]
    before = listed(store, place)
    assert store_of(copy).rebuild() == 2
    assert {i["id"]: i for i in items_of((copy / TABLE).read_bytes())} == before


@light
def test_lists_that_are_lost_are_made_anew(store, place, catalog):
    """Lists deleted or damaged are written from the Items that are there."""
    publish(make_product(), catalog, released=RELEASED)
    before = listed(store, place)
    prefix = place.removeprefix(f"s3://{BUCKET}/")
    obstore.put(store, f"{prefix}/{TABLE}", b"none")
    obstore.delete(store, f"{prefix}/catalog.json")
    with pytest.raises(PublishError, match="rebuild"):
        find(catalog)
    assert store_of(catalog).rebuild() == 1
    assert listed(store, place) == before
    assert json.loads(content(store, place, "catalog.json"))["id"] == "reliefscope"


PUBLISHER = """
import os, sys
from pathlib import Path
from reliefscope.products import package
from reliefscope.products.catalog import publish
from reliefscope.products.store import catalog_at
from tests.products.conftest import make_light
from tests.products.scene import RELEASED, make_product
from tests.products.test_bucket import make_other, settings_of
make_light(package.Maker)
server, place, cache, several = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
pids = []
for number in range(several):
    pid = os.fork()
    if pid == 0:
        own = catalog_at(place, settings_of(server, cache / str(number))) if "://" in place else (
            Path(place))
        publish(make_other(f"EV{number % 3}") if number != 3 else make_product(), own,
                released=RELEASED)
        os._exit(0)
    pids.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
sys.exit(max(map(abs, codes)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks the process, which this system cannot")
@pytest.mark.parametrize("where", ["store", "folder"])
def test_processes_that_publish_at_once_lose_nothing(
    store, place, settings, server, tmp_path, root, where
):
    """Five processes, two of them with the same product: each product once, all in every list."""
    target = place if where == "store" else str(tmp_path / "catalog")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PUBLISHER, server, target, str(tmp_path / "caches"), "5"],
        capture_output=True, text=True, check=False, cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    catalog = catalog_at(target, settings)
    entries = find(catalog)
    assert sorted(e.event for e in entries) == ["EMSR771", "EV0", "EV1", "EV2"]
    if where == "store":
        assert set(listed(store, place)) == {e.product_id for e in entries}
        collection = json.loads(content(store, place, "flood/collection.json"))
    else:
        collection = json.loads((catalog / "flood/collection.json").read_text())
    links = [link["href"] for link in collection["links"] if link["rel"] == "item"]
    assert len(links) == 4
    assert store_of(catalog).rebuild() == 4


@light
def test_swap_that_is_beaten_is_made_again(catalog, monkeypatch):
    """Whoever replaces the table in between is not lost: it is read again."""
    publish(make_product(), catalog, released=RELEASED)
    put, beaten = Objects.put, []

    def slow(self, name, data, **how):
        if name == TABLE and not beaten:
            beaten.append(name)
            rival = S3Catalog(self, catalog.root.with_name("rival"))
            monkeypatch.setattr(bucket.S3Catalog, "locked", lambda *_: free())
            publish(make_other("EV9"), rival, released=RELEASED)
        return put(self, name, data, **how)

    @contextlib.contextmanager
    def free():
        yield

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "put", slow)
        publish(make_other("EV8"), catalog, released=RELEASED)
    assert beaten
    assert sorted(e.event for e in find(catalog)) == ["EMSR771", "EV8", "EV9"]


class TestLease:
    """The lock in the store."""

    @pytest.fixture
    def objects(self, catalog):
        return catalog._objects

    def test_one_at_a_time(self, objects):
        """Ten threads add to a number that is read, kept for a while and written."""
        objects.put("number", b"0")

        def add():
            with Lease(objects, "n", 5.0):
                number = int(objects.get("number")[0])
                time.sleep(0.01)
                objects.put("number", str(number + 1).encode())

        threads = [threading.Thread(target=add) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert objects.get("number")[0] == b"6"

    def test_a_dead_holder_is_waited_for_no_longer_than_its_lease(self, objects):
        """Its object stays the same for a lease: then the lock is taken."""
        dead = Lease(objects, "n", 1.0)
        dead._keep = lambda: None
        dead._beat = threading.Thread(target=dead._keep)
        dead.__enter__()
        start = time.monotonic()
        with Lease(objects, "n", 1.0):
            assert time.monotonic() - start > 1.0
            with pytest.raises(PublishError, match="taken over"):
                dead.renew()

    def test_a_living_holder_keeps_it(self, objects):
        """However long it takes: it is heard of, and who waits gives up in the end."""
        with (
            Lease(objects, "n", 2.0),
            pytest.raises(PublishError, match="let it finish"),
            Lease(objects, "n", 2.0, wait_s=5.0),
        ):
            pass


KILLED = """
import json, os, signal, sys, time
from pathlib import Path
from reliefscope.products import package
from reliefscope.products.bucket import S3Catalog
from reliefscope.products.catalog import find, publish
from reliefscope.products.objects import Objects
from tests.products.conftest import make_light
from tests.products.scene import RELEASED, make_product
from tests.products.test_bucket import settings_of
make_light(package.Maker)
server, name, cache, trials = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])

def catalog():
    objects = Objects.of("relief", name, settings_of(server, cache))
    return S3Catalog(objects, cache / "mirror", lease_s=0.6)

def child(number, puts):
    pid = os.fork()
    if pid == 0:
        put, left = Objects.put, [puts]
        def counted(self, name, content, **how):
            if not name.startswith(".locks"):
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left[0] -= 1
            return put(self, name, content, **how)
        Objects.put = counted
        publish(make_product(parameters={"number": number}), catalog(), released=RELEASED)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

states = []
for trial in range(trials):
    code = child(float(trial), trial % 11)
    pid = os.fork()
    if pid == 0:
        whole = []
        own = catalog()
        for path, _ in own.items("flood", "EMSR771"):
            names = own._objects.names(own._key(path.parent) + "/")
            whole.append(sorted(n.rpartition("/")[2] for n in names))
        (cache / "seen.json").write_text(json.dumps(whole))
        os._exit(0)
    os.waitpid(pid, 0)
    states.append([code, json.loads((cache / "seen.json").read_text())])
print(json.dumps(states))
"""


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="kills forked processes, and this system cannot fork"
)
@light
def test_killed_between_any_two_objects(store, place, catalog, server, tmp_path, root):
    """Killed at puts all over the upload: a package with an Item has all of its files, the next
    run takes away what is left, and the lists are mended."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", KILLED, server, place.rpartition("/")[2], str(tmp_path / "c"), "11"],
        capture_output=True, text=True, check=False, cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    states = json.loads(done.stdout.splitlines()[-1])
    files = None
    for _, packages in states:
        for names in packages:
            files = files or names
            assert names == files
            assert "item.json" in names
    assert [code for code, _ in states].count(-9) >= 8
    catalog._lease_s = 0.6  # as that of the dead
    publish(make_product(parameters={"number": -1.0}), catalog, released=RELEASED)
    there = {e.product_id for e in find(catalog)}
    assert {k.split("/")[2] for k in keys(store, place) if k.count("/") == 3} == there
    assert set(listed(store, place)) == there


@light
@pytest.mark.parametrize("name", ["state.tif", "facts.json", "item.json"])
def test_store_that_fails_at_an_object_leaves_no_package(store, place, catalog, monkeypatch, name):
    """An upload that breaks off is a PublishError, nothing is listed, and the next run is clean."""
    put = Objects.put

    def broken(self, key, data, **how):
        if key.endswith(f"/{name}"):
            raise PublishError("the object store failed")
        return put(self, key, data, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "put", broken)
        with pytest.raises(PublishError, match="store failed"):
            publish(make_product(), catalog, released=RELEASED)
    assert find(catalog) == []
    assert not list(catalog.root.rglob("*.tif"))
    assert publish(make_product(), catalog, released=RELEASED).created
    assert {k for k in keys(store, place) if k.count("/") == 3} == {
        f"flood/EMSR771/{V1}/{n}" for n in LIGHT
    }


@light
def test_catalog_of_someone_else_is_not_touched(store, place, catalog):
    """Neither is one whose bucket does not exist made."""
    prefix = place.removeprefix(f"s3://{BUCKET}/")
    obstore.put(store, f"{prefix}/catalog.json", b'{"id": "theirs"}')
    with pytest.raises(PublishError, match="someone else"):
        publish(make_product(), catalog, released=RELEASED)
    assert keys(store, place) == {"catalog.json"}


@light
def test_bucket_that_is_not_there(settings):
    with pytest.raises(PublishError, match="no bucket"):
        publish(make_product(), catalog_at("s3://nowhere/x", settings), released=RELEASED)


@light
def test_keys_are_shown_nowhere(server, store, place, catalog, tmp_path):
    """Not in what is printed of the catalog, in errors, nor in any object or file."""
    publish(make_product(), catalog, released=RELEASED)
    told = [repr(catalog), repr(settings_of(server, tmp_path))]
    dead = catalog_at(place, Settings(cache=tmp_path, s3_endpoint="http://127.0.0.1:9",
                                      secrets={"AWS_ACCESS_KEY_ID": KEY,
                                               "AWS_SECRET_ACCESS_KEY": SECRET}))  # fmt: skip
    dead._objects._store = S3Store(
        BUCKET, endpoint="http://127.0.0.1:9", access_key_id=KEY, secret_access_key=SECRET,
        region="us-east-1", client_options={"allow_http": True}, retry_config={"max_retries": 0},
    )  # fmt: skip
    with pytest.raises(PublishError, match="failed") as error:
        find(dead)
    told.append(str(error.value))
    assert error.value.__cause__ is None
    for key in keys(store, place):
        found = content(store, place, key)
        assert SECRET.encode() not in found
        assert KEY.encode() not in found
    assert not any(SECRET in t or KEY in t for t in told)


@pytest.mark.parametrize("text", ["gs://bucket/x", "s3://", "s3://key:word@bucket/x"])
def test_places_that_are_none(text, settings):
    with pytest.raises(InputError) as error:
        catalog_at(text, settings)
    assert "word" not in str(error.value)


@whole
def test_the_command_line_on_a_store(place, catalog, server, tmp_path, monkeypatch, capsys):
    """RELIEFSCOPE_CATALOG=s3://...: list, verify, explain, rebuild, prune; damage is named."""
    package = publish(make_product(), catalog, context=make_context(), released=RELEASED)
    monkeypatch.setenv("RELIEFSCOPE_CATALOG", place)
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "mine"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert main(["catalog", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["product"] == V1
    assert main(["catalog", "verify"]) == 0
    assert main(["explain", V1, "event_area_km2"]) == 0
    assert main(["catalog", "rebuild"]) == 0
    assert main(["catalog", "prune"]) == 0
    catalog._objects.put(f"flood/EMSR771/{V1}/statistics.csv", b"none")
    shutil.rmtree(tmp_path / "mine")
    assert main(["verify", place]) == 5
    assert "statistics.csv was changed" in " ".join(capsys.readouterr().out.split())
    assert find_package(catalog, V1).product_id == package.product_id
