from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from reliefscope.jobs.doctor import examine
from reliefscope.settings import Settings
from reliefscope.transport.credentials import Access
from tests.servers import app_server, free_port


def _app():
    return Starlette(
        routes=[
            Route("/well", lambda _: PlainTextResponse("ok")),
            Route("/guarded", lambda _: PlainTextResponse("who are you", status_code=401)),
            Route("/ill", lambda _: PlainTextResponse("no", status_code=503)),
        ]
    )


def test_each_service_is_asked_and_what_is_missing_is_named(tmp_path):
    """Well, guarded, ill and dead; with and without credentials; none of them printed."""
    with app_server(_app()) as url:
        services = [
            Access(service="open", probe=f"{url}/well"),
            Access(
                service="guarded",
                names=("CDSE_USERNAME", "CDSE_PASSWORD"),
                how="register",
                probe=f"{url}/guarded",
            ),
            Access(service="keyed", names=("FIRMS_MAP_KEY",), how="ask", probe=f"{url}/well"),
            Access(service="ill", probe=f"{url}/ill"),
            Access(service="dead", probe=f"http://127.0.0.1:{free_port()}/"),
            Access(service="per hub"),
        ]
        settings = Settings(
            cache=tmp_path,
            netrc=tmp_path / "none",
            allow_hosts=frozenset({"127.0.0.1"}),
            secrets={"FIRMS_MAP_KEY": "s3cret"},
        )
        found = {h.service: h for h in examine(services, settings)}
    assert {name: h.answers for name, h in found.items()} == {
        "open": True,
        "guarded": True,
        "keyed": True,
        "ill": False,
        "dead": False,
        "per hub": None,
    }
    assert found["open"].credentials == "not needed"
    assert found["guarded"].credentials == "missing"
    assert found["guarded"].how == "register"
    assert found["keyed"].credentials == "environment"
    assert "answered 503" in found["ill"].detail
    assert "s3cret" not in repr(found)


def test_offline_asks_nobody(tmp_path, monkeypatch):
    """No socket is opened, and that is said."""
    monkeypatch.setattr("socket.socket", None)
    services = [Access(service="open", probe="https://example.org/")]
    (health,) = examine(services, Settings(cache=tmp_path, offline=True))
    assert health.answers is None
    assert health.detail == "offline"
