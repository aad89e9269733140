"""Publishing on a bad day: full disks, killed processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pystac
import pytest

from reliefscope.errors import PublishError
from reliefscope.products import package, rasters, staging, vectors
from reliefscope.products.catalog import find, publish
from tests.products.conftest import LIGHT, make_light
from tests.products.scene import RELEASED, make_context, make_product
from tests.products.test_catalog import FILES, V1

pytestmark = pytest.mark.usefixtures("plain_sheet")


@pytest.fixture
def restored(monkeypatch):
    """Let packages be whole again after a test that makes light ones at its end."""
    for name in ("count", "fill"):
        monkeypatch.setattr(package.Maker, name, getattr(package.Maker, name))


def full(*_, **__):
    raise OSError(28, "No space left on device")


def on_call(number, function):
    """Return ``function`` that finds the disk full at its ``number``-th call."""
    calls = iter(range(1, 1000))

    def wrapped(*args, **kwargs):
        return full() if next(calls) == number else function(*args, **kwargs)

    return wrapped


def leftovers(folder):
    return [p for p in folder.rglob("*") if p.is_file() and ".locks" not in p.parts]


def whole(folder, files=FILES):
    """Say whether the catalog holds exactly one package, complete and linked from the root."""
    (entry,) = find(folder)
    root = pystac.Catalog.from_file(str(folder / "catalog.json"))
    return (
        {p.name for p in entry.folder.iterdir()} == set(files)
        and [i.id for i in root.get_items(recursive=True)] == [V1]
        and not list(folder.rglob("*.partial"))
    )


@pytest.mark.parametrize(
    ("where", "name", "number"),
    [
        (rasters, "_write", 1),
        (rasters, "_write", 3),
        (vectors.pyogrio, "write_dataframe", 1),
        (vectors.pyogrio, "write_dataframe", 4),
        (package, "draw_sheets", 1),
        (package, "draw_thumbnail", 1),
        (Path, "write_text", 1),
        (Path, "write_text", 4),
        (staging, "sync", 2),
        (Path, "rename", 1),
    ],
)
@pytest.mark.usefixtures("restored")
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, where, name, number):
    """At whichever write: a PublishError that says what to do, no file, and a clean next run."""
    with monkeypatch.context() as patch:
        patch.setattr(where, name, on_call(number, getattr(where, name)))
        with pytest.raises(PublishError, match="free disk space"):
            publish(make_product(), tmp_path, context=make_context(), released=RELEASED)
    assert leftovers(tmp_path) == []
    assert find(tmp_path) == []
    make_light(package.Maker)
    assert publish(make_product(), tmp_path, context=make_context(), released=RELEASED).created
    assert whole(tmp_path, LIGHT)


def test_a_disk_that_fills_up_at_the_index_keeps_the_package(tmp_path, monkeypatch):
    """The package is whole; the list of the catalog is mended by the next run."""
    with monkeypatch.context() as patch:
        patch.setattr(staging, "write_json", full)
        with pytest.raises(PublishError, match="is published"):
            publish(make_product(), tmp_path, context=make_context(), released=RELEASED)
    assert [e.product_id for e in find(tmp_path)] == [V1]
    assert not (tmp_path / "catalog.json").exists()
    assert not publish(make_product(), tmp_path, context=make_context(), released=RELEASED).created
    assert whole(tmp_path)


LIMITED = """
import json, resource, signal, sys
from pathlib import Path
from reliefscope.errors import PublishError
from reliefscope.products.catalog import find, publish
from tests.products.scene import RELEASED, make_context, make_product
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
catalog, results = Path(sys.argv[1]), []
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for limit in (700, 3000, 5000, 50_000, 90_000, 150_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        publish(make_product(), catalog, context=make_context(), released=RELEASED)
        results.append("published")
    except PublishError as error:
        results.append("free disk space" in str(error))
    left = [p.name for p in catalog.rglob("*") if p.is_file() and ".locks" not in p.parts]
    results.append(left)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(json.dumps(results))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files by Linux means")
def test_writes_that_the_system_refuses(tmp_path, root):
    """Files cannot grow beyond a limit, for GDAL and SQLite as for Python: nothing is left."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert results == [True, []] * 6


KILLED = """
import json, os, signal, sys, time
from pathlib import Path
from reliefscope.products import package
from reliefscope.products.catalog import find, publish
from tests.products.conftest import bare_furniture, bare_sheets
from tests.products.scene import RELEASED, make_context, make_product
package.draw_sheets = bare_sheets
package.check_furniture = bare_furniture
folder, trials = Path(sys.argv[1]), int(sys.argv[2])

def child(catalog, number, seconds):
    pid = os.fork()
    if pid == 0:
        product = make_product(parameters={"number": number})
        publish(product, catalog, context=make_context(), released=RELEASED)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def look(catalog, code):
    packages = [[f.name for f in e.folder.iterdir()] for e in find(catalog)]
    return [code, packages, len(list(catalog.rglob("*.partial")))]

start = time.perf_counter()
child(folder / "time", 0.0, None)
span = time.perf_counter() - start
catalog = folder / "catalog"
states = [
    look(catalog, child(catalog, float(i), span * (i + 1.5) / (trials + 1)))
    for i in range(trials)
]
states.append(look(catalog, child(catalog, -1.0, None)))
print(json.dumps(states))
"""


@pytest.mark.filterwarnings("ignore:.* is deprecated")  # pystac, of superseded versions
@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="kills forked processes, and this system cannot fork"
)
def test_killed_at_any_instant(tmp_path, root):
    """Killed without warning at moments all over the run: whole or absent, next run clean."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", KILLED, str(tmp_path), "10"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    states = json.loads(done.stdout.splitlines()[-1])
    count = 0
    for _, packages, _ in states:
        assert all(set(files) == FILES for files in packages)
        assert len(packages) in {count, count + 1}
        count = len(packages)
    assert -9 in [code for code, _, _ in states]
    code, packages, hidden = states[-1]
    assert (code, hidden) == (0, 0)
    root_catalog = pystac.Catalog.from_file(str(tmp_path / "catalog" / "catalog.json"))
    assert len(list(root_catalog.get_items(recursive=True))) == len(packages)


RANDOM = """
import json, os, random, shutil, signal, sys, time
from pathlib import Path
from reliefscope.products import package
from reliefscope.products.catalog import find, publish
from reliefscope.products.index import items_of
from tests.products.conftest import LIGHT, make_light
from tests.products.scene import RELEASED, make_product
make_light(package.Maker)
catalog, kills = Path(sys.argv[1]), int(sys.argv[2])
product, dice = make_product(), random.Random(1)

def child(number, seconds):
    pid = os.fork()
    if pid == 0:
        object.__setattr__(product, "parameters", {"number": number})
        publish(product, catalog, released=RELEASED)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def faults():
    wrong = [str(e.folder) for e in find(catalog)
             if {f.name for f in e.folder.glob("[!.]*")} != set(LIGHT)]
    for path in catalog.rglob("*.json"):
        if ".partial" not in str(path) and ".locks" not in path.parts:
            json.loads(path.read_text())
    table = catalog / "index.parquet"
    return wrong + ([] if not table.exists() or items_of(table.read_bytes()) else ["table"])

publish(product, catalog.parent / "warm", released=RELEASED)  # what is loaded once, no child loads
spans = []
for number in range(3):
    start = time.perf_counter()
    child(float(number), None)
    spans.append(time.perf_counter() - start)
for path in sorted(catalog.glob("flood/*/*_v*")):
    shutil.rmtree(path)
span, codes, wrong = sorted(spans)[1], [], []
while codes.count(-9) < kills and len(codes) < 5 * kills:  # some are done before they are killed
    codes.append(child(float(len(codes)), dice.uniform(0.02, 1.0) * span))
    wrong += faults()
last = child(-1.0, None)
listed = {i["id"] for i in items_of((catalog / "index.parquet").read_bytes())}
print(json.dumps({
    "killed": codes.count(-9), "wrong": wrong, "last": last,
    "hidden": len(list(catalog.rglob("*.partial"))),
    "unlisted": sorted({e.product_id for e in find(catalog)} ^ listed),
}))
"""


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="kills forked processes, and this system cannot fork"
)
@pytest.mark.parametrize("kills", [30, pytest.param(100, marks=pytest.mark.rehearsal)])
def test_killed_again_and_again_while_it_is_stored(tmp_path, root, kills):
    """At random moments of storing and listing: no half package, no half file, lists mended."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", RANDOM, str(tmp_path / "catalog"), str(kills)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"killed": kills, "wrong": [], "last": 0, "hidden": 0, "unlisted": []}


DEAD = """
import json, os, sys
from pathlib import Path
from reliefscope.products import index, package, rasters, stac, staging
from reliefscope.products.catalog import find, publish
from tests.products.conftest import bare_furniture, bare_sheets, make_light
from tests.products.scene import RELEASED, make_context, make_product
package.draw_sheets = bare_sheets
package.check_furniture = bare_furniture
points = [
    (rasters, "_read_back"), (package, "write_vectors"), (package, "draw_thumbnail"),
    (staging, "sync"), (index, "index"), (stac, "collection_document"),
    (index, "to_parquet"), (stac, "catalog_document"),
]
found = {}
for where, name in points:
    catalog = Path(sys.argv[1]) / name
    pid = os.fork()
    if pid == 0:
        if name in sys.argv[2:]:
            make_light(package.Maker)
        setattr(where, name, lambda *a, **k: os._exit(9))
        publish(make_product(), catalog, context=make_context(), released=RELEASED)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    found[name] = [code, [[f.name for f in e.folder.iterdir()] for e in find(catalog)]]
print(json.dumps(found))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks the process, which this system cannot")
@pytest.mark.usefixtures("restored")
def test_dead_at_chosen_points(tmp_path, root):
    """The process vanishes at a step, half of its work done: whole or absent, then mended.

    Where the package is whole already, what is in it does not matter: those are light.
    """
    listing = ("index", "collection_document", "to_parquet", "catalog_document")
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", DEAD, str(tmp_path), *listing],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 8
    make_light(package.Maker)
    for name, (code, packages) in found.items():
        published = name in listing
        files = set(LIGHT) if published else FILES
        assert code == 9, name
        assert [set(p) for p in packages] == [files] * published, name
        catalog = tmp_path / name
        again = publish(make_product(), catalog, context=make_context(), released=RELEASED)
        assert again.created is not published, name
        assert whole(catalog, LIGHT), name
