import json

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from reliefscope.errors import (
    AccessError,
    InputError,
    IntegrityError,
    NothingFoundError,
    UnavailableError,
)
from reliefscope.settings import Settings
from reliefscope.transport.client import Ask, Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server

FAST = Retry(attempts=4, first_s=0.01, deadline_s=5)


class Service:
    """A service that does as its paths say, and counts."""

    def __init__(self):
        self.asked = []
        self.app = Starlette(
            routes=[
                Route("/status/{code:int}", self.status, methods=["GET", "POST"]),
                Route("/flaky/{times:int}", self.flaky),
                Route("/json", self.json, methods=["GET", "POST"]),
                Route("/html", lambda _: Response("<html>Sign in", media_type="text/html")),
                Route("/bomb", lambda _: PlainTextResponse("[" * 500_000)),
                Route("/long", lambda _: PlainTextResponse("x" * 10_000)),
                Route("/to/{where:path}", lambda r: RedirectResponse(r.path_params["where"])),
                Route("/loop", lambda _: RedirectResponse("/loop")),
                Route("/xml", lambda _: PlainTextResponse("<a><b>1</b></a>")),
                Route("/entities", lambda _: PlainTextResponse(_BILLION)),
                Route("/guarded", self.guarded),
            ]
        )

    async def status(self, request):
        self.asked.append(request.url.path)
        return PlainTextResponse("no", status_code=request.path_params["code"])

    async def flaky(self, request):
        self.asked.append(request.url.path)
        if len(self.asked) < request.path_params["times"]:
            return Response(status_code=503, headers={"retry-after": "0"})
        return PlainTextResponse("well")

    async def json(self, request):
        self.asked.append(request.headers.get("x-key", ""))
        sent = (await request.body()).decode()
        return JSONResponse({"sent": sent, "query": dict(request.query_params)})

    async def guarded(self, request):
        self.asked.append(request.headers.get("authorization", ""))
        well = request.headers.get("authorization") == "Bearer 2"
        return PlainTextResponse("in", status_code=200 if well else 401)


_BILLION = '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>'


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def url(service):
    with app_server(service.app) as address:
        yield address


@pytest.fixture
def transport(url, tmp_path):
    return Transport(Settings(cache=tmp_path), retry=FAST).at(url)


@pytest.mark.parametrize(
    ("code", "error", "times"),
    [
        (400, InputError, 1),
        (401, AccessError, 1),
        (403, AccessError, 1),
        (404, NothingFoundError, 1),
        (410, NothingFoundError, 1),
        (422, InputError, 1),
        (408, UnavailableError, 4),
        (425, UnavailableError, 4),
        (429, UnavailableError, 4),
        (500, UnavailableError, 4),
        (503, UnavailableError, 4),
    ],
)
def test_each_refusal_has_its_error_and_only_passing_ones_are_tried_again(
    transport, service, url, code, error, times
):
    """401, 403 and 404 are asked once; 408, 425, 429 and 5xx until the patience ends."""
    with pytest.raises(error):
        transport.content(Ask(url=f"{url}/status/{code}"))
    assert len(service.asked) == times


def test_a_storm_that_passes_is_outlived(transport, service, url):
    """Two 503 and then an answer: the answer."""
    assert transport.text(Ask(url=f"{url}/flaky/3")) == "well"
    assert len(service.asked) == 3


def test_what_is_sent_arrives(transport, url):
    """Parameters, a JSON body and a form reach the service as they are."""
    assert transport.json(Ask(url=f"{url}/json", params={"a": "1"}))["query"] == {"a": "1"}
    assert json.loads(transport.json(Ask(url=f"{url}/json", body={"b": 2}))["sent"]) == {"b": 2}
    assert transport.json(Ask(url=f"{url}/json", form={"c": "3"}))["sent"] == "c=3"


@pytest.mark.parametrize("path", ["html", "bomb"])
def test_what_is_not_json_is_an_integrity_error(transport, url, path):
    """A sign-in page, and brackets nested half a million deep."""
    with pytest.raises(IntegrityError, match="did not answer in JSON"):
        transport.json(Ask(url=f"{url}/{path}"))


def test_xml_is_read_and_entities_are_refused(transport, url):
    """A document type with entities is refused before it grows."""
    assert transport.xml(Ask(url=f"{url}/xml"))[0].text == "1"
    with pytest.raises(IntegrityError, match="did not answer in XML"):
        transport.xml(Ask(url=f"{url}/entities"))


def test_an_answer_without_end_is_cut_off(transport, url):
    """More than the cap is an error, and nothing is kept."""
    with pytest.raises(IntegrityError, match="more than 100 bytes"):
        transport.content(Ask(url=f"{url}/long"), cap=100)
    offline = Transport(Settings(cache=transport.settings.cache, offline=True))
    with pytest.raises(UnavailableError, match="no answer"):
        offline.content(Ask(url=f"{url}/long"))


def test_offline_replays_what_was_asked_before_with_no_socket(transport, url, monkeypatch):
    """An answer, and that there was nothing, come from the cache; anything else is an error."""
    asked = Ask(url=f"{url}/json", params={"a": "1"})
    online = transport.json(asked)
    with pytest.raises(NothingFoundError):
        transport.content(Ask(url=f"{url}/status/404"))
    monkeypatch.setattr("socket.socket", None)
    offline = Transport(Settings(cache=transport.settings.cache, offline=True))
    assert offline.json(asked) == online
    with pytest.raises(NothingFoundError):
        offline.content(Ask(url=f"{url}/status/404"))
    with pytest.raises(UnavailableError, match="run the same command once with a network"):
        offline.json(Ask(url=f"{url}/json", params={"a": "2"}))


@pytest.mark.parametrize(
    "where",
    ["http://169.254.169.254/latest/meta-data", "http://localhost:1/x", "file:///etc/passwd"],
)
def test_redirects_do_not_lead_to_private_places(transport, url, where):
    """Metadata services, other names of this machine and files are not asked."""
    with pytest.raises(AccessError):
        transport.content(Ask(url=f"{url}/to/{where}"))


def test_an_untrusted_name_of_this_machine_is_never_connected_to(url, tmp_path, service):
    """The address connected to counts, not the name: nothing is sent."""
    stranger = Transport(Settings(cache=tmp_path), retry=FAST)
    with pytest.raises(AccessError, match="RELIEFSCOPE_ALLOW_HOSTS"):
        stranger.content(Ask(url=f"{url}/json"))
    assert service.asked == []


def test_a_loop_of_redirects_ends(transport, url):
    """Five redirects are followed, not more."""
    with pytest.raises(IntegrityError, match="redirects more than"):
        transport.content(Ask(url=f"{url}/loop"))


class Tokens:
    """Gives token 1, after renewal token 2, and so on."""

    def __init__(self):
        self.number = 1

    def headers(self):
        return {"Authorization": f"Bearer {self.number}"}

    def renew(self):
        self.number += 1


def test_an_expired_token_is_renewed_once(transport, service, url):
    """A refused token is renewed; when the second is refused too, that is an error."""
    assert transport.text(Ask(url=f"{url}/guarded", auth=Tokens())) == "in"
    stale = Tokens()
    stale.number = 5
    with pytest.raises(AccessError):
        transport.text(Ask(url=f"{url}/guarded", auth=stale))
    assert service.asked == ["Bearer 1", "Bearer 2", "Bearer 5", "Bearer 6"]


def test_authorization_does_not_follow_to_another_host(transport, service, url):
    """A redirect to another host leaves the token behind."""
    elsewhere = url.replace("127.0.0.1", "localhost")
    wide = Transport(
        Settings(cache=transport.settings.cache, allow_hosts=frozenset({"localhost"})), retry=FAST
    ).at(url)
    with pytest.raises(AccessError):
        wide.text(Ask(url=f"{url}/to/{elsewhere}/guarded", auth=Tokens()))
    assert set(service.asked) == {""}


def test_secrets_are_struck_out_of_what_is_shown(tmp_path):
    """Queries, users and known secrets are not printed."""
    transport = Transport(Settings(cache=tmp_path, secrets={"FIRMS_MAP_KEY": "abc123"}))
    shown = transport.shown("https://me:word@firms.example.org/csv/abc123/x?token=t")
    assert shown == "https://firms.example.org/csv/***/x"
