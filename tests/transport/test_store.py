import hashlib
import json
import multiprocessing
import os
import time

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.download import Expected
from reliefscope.transport.store import IN_USE_S, Store
from tests.servers import app_server


def _put(store, identity, content, name="a.tif"):
    with store.lock(identity) as place:
        part = place / "content.part"
        part.write_bytes(content)
        return store.keep(identity, part, name, hashlib.sha256(content).hexdigest())


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, 10_000)


def _age(store, identity, seconds):
    entry = store.place(identity) / "entry.json"
    os.utime(entry, (time.time() - seconds,) * 2)


def test_a_file_is_found_under_its_name(store):
    """By what it is called, with its suffix, and nothing else is found."""
    path = _put(store, "https://a/x.tif", b"one")
    assert store.find("https://a/x.tif") == path
    assert path.name == "a.tif"
    assert path.read_bytes() == b"one"
    assert store.find("https://a/y.tif") is None


def test_the_same_content_is_stored_once(store):
    """Two addresses, one file on the disk."""
    one, two = _put(store, "a", b"x" * 100), _put(store, "b", b"x" * 100, "b.tif")
    assert one.stat().st_ino == two.stat().st_ino
    assert store.usage() == 100


def test_a_torn_file_is_not_returned(store):
    """Shorter than noted, or with a torn or hostile note."""
    path = _put(store, "a", b"x" * 100)
    path.write_bytes(b"x" * 99)
    assert store.find("a") is None
    path = _put(store, "b", b"y" * 100)
    note = store.place("b") / "entry.json"
    for text in (
        "{",
        "[]",
        json.dumps({"name": "../../etc/passwd", "size": 1, "sha256": "a" * 64}),
    ):
        note.write_text(text)
        assert store.find("b") is None


def test_the_least_recently_used_goes_first(store):
    """Over the quota the oldest is removed; what was used just now stays."""
    for number in range(3):
        _put(store, f"f{number}", bytes([number]) * 3000)
        _age(store, f"f{number}", IN_USE_S + 100 - number)
    assert store.find("f0") is not None  # used now
    _put(store, "f3", b"3" * 3000)
    assert store.find("f1") is None
    assert all(store.find(f"f{n}") for n in (0, 2, 3))
    assert store.usage() == 9000


def test_what_another_process_works_on_stays(store):
    """A locked file is not removed."""
    _put(store, "a", b"x" * 9000)
    _age(store, "a", IN_USE_S + 1)
    with store.lock("a"):
        assert store.clean(0) == 0
    assert store.clean(0) == 1
    assert store.usage() == 0


def _fetch(url, cache, results):
    transport = Transport(Settings(cache=cache)).at(url)
    results.put(transport.fetch(Ask(url=f"{url}/a.bin"), Expected(size=3_000_000)).read_bytes()[:4])


def test_twenty_fetches_in_several_processes_download_once(tmp_path):
    """Twenty processes ask at the same moment; the server sends the file once."""
    served = []

    async def file(_):
        served.append(1)
        return Response(b"abcd" * 750_000, headers={"etag": '"1"'})

    context = multiprocessing.get_context("forkserver")  # imports once, and not twenty times
    context.set_forkserver_preload([__name__])
    with app_server(Starlette(routes=[Route("/a.bin", file)])) as url:
        results = context.Queue()
        processes = [
            context.Process(target=_fetch, args=(url, tmp_path, results)) for _ in range(20)
        ]
        for process in processes:
            process.start()
        got = [results.get(timeout=900) for _ in processes]
        for process in processes:
            process.join()
    assert got == [b"abcd"] * 20
    assert len(served) == 1
