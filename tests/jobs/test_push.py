"""Products sent to a STAC API: idempotent, by its rules, and its faults told in words.

The API here is a small one of ours, so that it can fail on demand; `test_push_pgstac` asks a real
one.
"""

import dataclasses
import json
import shutil

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reliefscope.cli import main
from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.jobs.push import push
from reliefscope.jobs.stac_api import DIGEST, TOKEN
from reliefscope.products.catalog import publish
from reliefscope.products.index import rebuild
from reliefscope.products.sheet import Policy
from reliefscope.settings import Settings
from reliefscope.transport.retry import Retry
from tests.products.conftest import make_light
from tests.products.scene import RELEASED, make_product
from tests.servers import app_server

SECRET = "t0ken-of-nobody"
POLICY = Policy(producer="Office", disclaimer="d", catalog_url="https://maps.example/c/")
V1, V2 = (f"EMSR771_AOI01_DEL_PRODUCT_r1_v{n}" for n in (1, 2))
CORE = "https://api.stacspec.org/v1.0.0/core"
ITEMS = "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction"
COLLECTIONS = "https://api.stacspec.org/v1.0.0/collections/extensions/transaction"
FAST = Retry(attempts=2, first_s=0.01)


class Api:
    """A STAC API in memory that does what it is told to do wrong."""

    def __init__(self):
        self.url = ""
        self.conforms = [CORE, ITEMS, COLLECTIONS]
        self.collections, self.items = {}, {}
        self.token = None
        self.asked = []
        self.fail = {}
        """Answer by method, once each time it is asked for."""
        self.lose_answers = False
        self.next = None
        self.page = 1

    def app(self):
        names = ["GET", "POST", "PUT", "DELETE"]
        return Starlette(routes=[Route("/{path:path}", self.answer, methods=names)])

    async def answer(self, request):
        """Answer anything."""
        path = [p for p in request.path_params["path"].split("/") if p]
        self.asked.append((request.method, "/".join(path)))
        sent = request.headers.get("authorization", "")
        if self.token and sent != f"Bearer {self.token}":
            return JSONResponse({"detail": f"{sent} is wrong"}, 401)
        if request.method in self.fail:
            return JSONResponse({"detail": f"no: {sent}"}, self.fail[request.method])
        document = await request.json() if request.method in {"POST", "PUT"} else None
        if request.method == "GET":
            return self.read(path, int(request.query_params.get("at", 0)))
        status = self.write(request.method, path, document)
        return Response(status_code=502 if self.lose_answers and status < 300 else status)

    def read(self, path, at):
        if not path:
            return JSONResponse({"type": "Catalog", "conformsTo": self.conforms})
        if path == ["collections"]:
            return JSONResponse({"collections": list(self.collections.values()), "links": []})
        if path[1] not in self.collections:
            return JSONResponse({}, 404)
        if len(path) == 2:
            return JSONResponse(self.collections[path[1]])
        if len(path) == 4:
            found = self.items.get(path[3])
            return JSONResponse(found or {}, 200 if found else 404)
        held = list(self.items.values())
        more = {"rel": "next", "href": self.next or f"/{'/'.join(path)}?at={at + self.page}"}
        links = [more] if at + self.page < len(held) or self.next else []
        return JSONResponse({"features": held[at : at + self.page], "links": links})

    def write(self, method, path, document):
        held = self.collections if len(path) < 3 else self.items
        name = path[-1] if method != "POST" else document["id"]
        if method == "POST" and name in held:
            return 409
        if method != "POST" and name not in held:
            return 404
        if method == "DELETE":
            del held[name]
            return 204
        held[name] = document
        return 201 if method == "POST" else 200

    def written(self):
        return [a for a in self.asked if a[0] != "GET"]


@pytest.fixture
def api():
    found = Api()
    with app_server(found.app()) as url:
        found.url = url
        yield found


@pytest.fixture(scope="module")
def _light():
    with pytest.MonkeyPatch.context() as patch:
        from reliefscope.products import package  # noqa: PLC0415 - patched while it is used

        patch.setattr(package.Maker, "count", package.Maker.count)
        patch.setattr(package.Maker, "fill", package.Maker.fill)
        make_light(package.Maker)
        yield


@pytest.fixture(scope="module")
def published(_light, tmp_path_factory):
    """A catalog with two versions of one product."""
    folder = tmp_path_factory.mktemp("published")
    for mmu in (10.0, 20.0):
        publish(make_product(parameters={"mmu": mmu}), folder, released=RELEASED)
    return folder


@pytest.fixture
def catalog(published, tmp_path):
    return shutil.copytree(published, tmp_path / "catalog")


@pytest.fixture
def send(api, catalog, tmp_path):
    def send(**over):
        secrets = {TOKEN: SECRET}
        fields = {
            "settings": Settings(cache=tmp_path / "cache", secrets=secrets),
            "policy": POLICY,
            "retry": FAST,
        }
        return push(catalog, over.pop("url", api.url), **fields | over)

    return send


def drop(catalog, product):
    shutil.rmtree(catalog / "flood" / "EMSR771" / product)
    rebuild(catalog)


def test_what_is_sent_stands_on_its_own(api, send):
    """Every file and link is absolute, versions are linked within the API, the older is marked."""
    done = send()
    assert done.created == (V1, V2)
    assert set(api.collections) == {"flood"}
    assert api.collections["flood"]["links"] == []
    old, new = api.items[V1], api.items[V2]
    assert old["properties"]["deprecated"] is True
    assert "deprecated" not in new["properties"]
    base = f"https://maps.example/c/flood/EMSR771/{V2}"
    assert new["assets"]["state"]["href"] == f"{base}/state.tif"
    links = {link["rel"]: link["href"] for link in new["links"]}
    assert links["predecessor-version"] == f"{api.url}/collections/flood/items/{V1}"
    assert links["canonical"] == f"{base}/item.json"
    hrefs = [k["href"] for i in api.items.values() for k in [*i["links"], *i["assets"].values()]]
    assert all("://" in href for href in hrefs)
    assert "SECRETTOKEN" not in json.dumps(api.items)


def test_what_is_there_already_is_not_sent_again(api, send):
    """The second run writes nothing; a changed product alone is replaced in the third."""
    send()
    api.asked.clear()
    done = send()
    assert done.unchanged == (V1, V2)
    assert api.written() == []
    api.items[V1]["properties"][DIGEST] = "of something older"
    assert send().replaced == (V1,)
    assert api.written() == [("PUT", f"collections/flood/items/{V1}")]


def test_the_newer_version_is_there_before_the_older_is_marked(api, catalog, send):
    """A new version is created first, then what it replaces is."""
    later = catalog / "flood" / "EMSR771" / V2
    kept = shutil.move(later, catalog.parent / V2)
    rebuild(catalog)
    send()
    shutil.move(kept, later)
    rebuild(catalog)
    api.asked.clear()
    done = send()
    assert (done.created, done.replaced) == ((V2,), (V1,))
    assert [m for m, path in api.written() if "items" in path] == ["POST", "PUT"]


def test_what_is_gone_is_deleted_only_if_asked_and_only_if_ours(api, catalog, send):
    """A product that was removed is named, and deleted on demand; others' items stay."""
    send()
    foreign = {"id": "theirs", "properties": {}, "collection": "flood"}
    api.items["theirs"] = foreign
    drop(catalog, V1)
    done = send()
    assert (done.left, done.deleted) == ((V1,), ())
    assert V1 in api.items
    done = send(delete=True)
    assert (done.left, done.deleted) == ((), (V1,))
    assert set(api.items) == {V2, "theirs"}
    assert send(event="OTHER", delete=True).deleted == ()
    drop(catalog, V2)
    assert send(delete=True).deleted == (V2,)
    assert api.items == {"theirs": foreign}


def test_a_lost_answer_and_another_run_do_no_harm(api, send):
    """An item that was created meanwhile (409) is replaced; a foreign one is not."""
    api.lose_answers = True
    with pytest.raises(UnavailableError):
        send()
    api.lose_answers = False
    assert set(send().created) | set(send().unchanged) == {V1, V2}
    api.items[V1] = {"id": V1, "properties": {"title": "theirs"}}
    with pytest.raises(InputError, match="not pushed from here"):
        send()
    assert api.items[V1]["properties"] == {"title": "theirs"}


def test_a_collection_of_someone_else_is_not_written_over(api, send):
    """One of the same name that was not pushed from here stays as it is."""
    api.collections["flood"] = {"id": "flood", "title": "theirs"}
    with pytest.raises(InputError, match="not pushed from here"):
        send()
    assert api.written() == []


def test_a_server_that_takes_nothing_is_refused_in_words(api, send):
    """Without the conformance classes nothing is sent, and the reason is told."""
    api.conforms = [CORE]
    with pytest.raises(InputError, match=r"can be read only.*Transaction"):
        send()
    api.conforms = None
    with pytest.raises(IntegrityError, match="conformsTo"):
        send()
    api.conforms = [CORE, ITEMS]
    with pytest.raises(InputError, match="no collection 'flood'"):
        send()
    assert api.written() == []
    api.collections["flood"] = {"id": "flood"}
    assert send().created == (V1, V2)


def test_the_token_is_sent_and_never_shown(api, send, tmp_path, capsys, caplog):
    """A server that wants it gets it; one that repeats it in its refusal is not quoted."""
    caplog.set_level("DEBUG")
    api.token = SECRET
    assert send().created == (V1, V2)
    api.items.clear()
    for status, kind in ((422, InputError), (403, AccessError), (500, UnavailableError)):
        api.fail = {"POST": status}
        with pytest.raises(kind) as caught:
            send()
        assert SECRET not in str(caught.value)
    api.fail, api.token = {}, "another"
    with pytest.raises(AccessError) as caught:
        send()
    assert SECRET not in str(caught.value)
    with pytest.raises(AccessError, match="unencrypted"):
        send(url="http://stac.example/")
    with pytest.raises(AccessError, match="no token"):
        send(settings=Settings(cache=tmp_path, secrets={TOKEN: f"Bearer {SECRET}\n"}))
    assert SECRET not in caplog.text + "".join(capsys.readouterr())
    assert all(SECRET not in path for _, path in api.asked)


def test_the_token_does_not_follow_a_list_to_another_machine(api, send):
    """A next page elsewhere is refused before it is asked."""
    send()
    api.next = "https://elsewhere.example/items"
    with pytest.raises(IntegrityError, match="elsewhere"):
        send()


def test_a_collection_without_items_is_not_left_behind(api, send):
    """No item was taken: the collection that was made for them is deleted, one that was there not;
    nor is one that others have filled meanwhile."""
    write = api.write

    def refuse_items(method, path, document):
        return 422 if len(path) > 2 else write(method, path, document)

    api.write = refuse_items
    with pytest.raises(InputError):
        send()
    assert api.collections == {}
    api.write = write
    send()
    api.items.clear()
    api.write = refuse_items
    with pytest.raises(InputError):
        send()
    assert set(api.collections) == {"flood"}
    api.collections.clear()

    def filled(method, path, document):
        api.items["theirs"] = {"id": "theirs", "properties": {}}
        return refuse_items(method, path, document)

    api.write = filled
    with pytest.raises(InputError):
        send()
    assert set(api.collections) == {"flood"}


def test_a_redirect_does_not_turn_writing_into_reading(api, send):
    """An API that answers 302 to a POST has not taken the item, and that is no success."""

    async def moved(request):
        del request
        return Response(status_code=302, headers={"location": "/"})

    answer = api.answer

    async def redirecting(request):
        return await (moved if request.method == "POST" else answer)(request)

    api.answer = redirecting
    with app_server(api.app()) as url, pytest.raises(IntegrityError, match="redirects"):
        send(url=url)


@pytest.mark.parametrize("url", ["stac.example", "https://u:hunter2@h/x", "https://h/?key=hunter2"])
def test_addresses_that_hold_secrets_or_are_none_are_refused(send, url):
    """The address is refused and not repeated."""
    with pytest.raises(InputError) as caught:
        send(url=url)
    assert "hunter2" not in str(caught.value)


def test_files_need_a_public_address(send):
    """A folder without catalog_url is refused with the way out, before anything is asked."""
    with pytest.raises(InputError, match=r"catalog_url = .*RELIEFSCOPE_POLICY"):
        send(policy=dataclasses.replace(POLICY, catalog_url=""))
    with pytest.raises(NothingFoundError):
        send(hazard="drought")


def test_the_command_sends_and_counts(api, catalog, tmp_path, monkeypatch, capsys):
    """`catalog push` tells what was done, also as JSON."""
    policy = tmp_path / "policy.toml"
    policy.write_text('producer = "O"\ndisclaimer = "d"\ncatalog_url = "https://maps.example"\n')
    monkeypatch.setenv("RELIEFSCOPE_POLICY", str(policy))
    monkeypatch.setenv("RELIEFSCOPE_CACHE", str(tmp_path / "cache"))
    command = ["catalog", "push", api.url, "--catalog", str(catalog)]
    assert main(command) == 0
    assert "2 created, 0 replaced, 0 unchanged" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == [V1, V2]
    drop(catalog, V1)
    assert main(command) == 0
    assert f"{V1}; say --delete" in capsys.readouterr().out
