"""Who may pass: nobody without signing in, viewers not everywhere, nothing forged."""

import re
from dataclasses import replace

import pytest
from starlette.routing import Mount
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from reliefscope.cli import main
from reliefscope.errors import InputError
from reliefscope.serve import users
from reliefscope.serve.config import Limits, Provider, Serving
from reliefscope.serve.gate import OPEN, Sessions, needs_analyst
from reliefscope.serve.users import Role, User
from tests.serve.conftest import PASSWORD, PLAIN, visiting

FULL_COST = users._COST
ORIGIN = {"origin": "http://127.0.0.1:5006"}


def routes_of(app, before=""):
    """Yield path and methods of every route, those of mounted applications included."""
    for route in app.routes:
        path = before + getattr(route, "path", "")
        if isinstance(route, Mount):
            yield f"{path}/js/bokeh.min.js", {"GET"}
        elif hasattr(route, "routes"):
            yield from routes_of(route, before)
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router, before)
        else:
            yield path, getattr(route, "methods", None)


def filled(path):
    """Return a path with something for each of its parameters."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda m: "0" if m[1] in {"x", "y", "z"} else PLAIN, path)


def sign_in(client, name, password=PASSWORD, target="/lite"):
    form = {"name": name, "password": password, "next": target}
    return client.post("/login", data=form)


def test_every_route_is_shut_without_signing_in(guarded):
    """401 on each route that the application has, whatever the method, websockets too."""
    found = dict(routes_of(guarded.app_inside))
    assert {"/lite", "/healthz", "/tiles/{product}/{layer}/{z:int}/{x:int}/{y:int}.webp"} <= set(
        found
    )
    assert any(methods is None for methods in found.values()), "no websocket was found"
    shut = 0
    for path, methods in found.items():
        if path in OPEN:
            continue
        if methods is None:
            with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)):  # noqa: SIM117
                with guarded.websocket_connect(
                    filled(path), subprotocols=["bokeh", "x"], headers=ORIGIN
                ):
                    pass
            shut += 1
            continue
        for method in methods & {"GET", "POST", "HEAD"}:
            answer = guarded.request(method, filled(path))
            assert answer.status_code == 401, (method, path)
            shut += 1
    assert shut > 15
    for path in ("/nope", "//lite", "/lite/../lite", "/static/../../etc/passwd", "/LOGIN"):
        assert guarded.get(path).status_code == 401, path
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/login").status_code == 200


def test_a_page_leads_to_the_login_and_back(guarded):
    """A person who opens a page signs in and lands on it; the cookie is closed to scripts."""
    asked = guarded.get("/lite?lang=fr", headers={"sec-fetch-mode": "navigate"})
    assert asked.status_code == 303
    assert asked.headers["location"] == "/login?next=/lite%3Flang%3Dfr"
    done = sign_in(guarded, "vera", target="/lite?lang=fr")
    assert done.status_code == 303
    assert done.headers["location"] == "/lite?lang=fr"
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert guarded.get("/lite").status_code == 200
    assert guarded.get(f"/tiles/{PLAIN}/state/0/0/0.webp").status_code == 200
    token = guarded.cookies["reliefscope"]
    assert guarded.post("/logout").status_code == 303
    guarded.cookies.set("reliefscope", token)
    assert guarded.get("/lite").status_code == 401


@pytest.mark.parametrize(
    ("name", "password"),
    [("vera", "wrong password"), ("nobody", PASSWORD), ("", ""), ("vera:viewer", PASSWORD)],
)
def test_wrong_passwords_are_refused(guarded, name, password):
    """The same sentence whether the name or the password is wrong; nothing is signed in."""
    answer = sign_in(guarded, name, password)
    assert answer.status_code == 401
    assert "do not fit together" in answer.text
    assert "set-cookie" not in answer.headers
    assert guarded.get("/lite").status_code == 401


def test_guessing_is_slowed_down(catalog, users_file, tmp_path):
    """After some attempts a visitor waits, even with the right password."""
    serving = Serving(
        catalog=catalog, cache=tmp_path, users=users_file, limits=Limits(logins_per_minute=2)
    )
    with visiting(serving) as client:
        assert [sign_in(client, "vera", "wrong").status_code for _ in range(2)] == [401, 401]
        assert sign_in(client, "vera").status_code == 429


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil", "x"])
def test_signing_in_leads_nowhere_else(guarded, target):
    """The page to go on to is one of this server."""
    assert sign_in(guarded, "vera", target=target).headers["location"] == "/"


def test_forged_cookies_open_nothing(guarded):
    """Neither made-up values, nor names of users, nor headers that claim one."""
    for value in ("", "x" * 43, "vera", "anna:analyst", "eyJhbGciOiJub25lIn0.e30."):
        guarded.cookies.clear()
        guarded.cookies.set("reliefscope", value)
        headers = {"x-reliefscope-user": "anna", "x-reliefscope-role": "analyst"}
        assert guarded.get("/lite", headers=headers).status_code == 401


def test_sessions_end(catalog, users_file):
    """By age, by idleness, and when the user is gone from the file; roles change at once."""
    now = [0.0]
    serving = Serving(catalog=catalog, users=users_file)
    sessions = Sessions(serving, clock=lambda: now[0])
    vera = User(name="vera", role=Role.VIEWER)

    def held(token):
        return sessions.user({"cookie": f"reliefscope={token}"})

    token = sessions.begin(vera)
    assert held(token) == vera
    now[0] = 1.9 * 3600
    assert held(token) == vera
    now[0] = 4.0 * 3600
    assert held(token) is None
    token = sessions.begin(vera)
    for hour in range(1, 13):
        now[0] = (4.0 + hour) * 3600
        alive = held(token)
    assert alive is None
    assert held(sessions.begin(User(name="gone", role=Role.ANALYST))) is None
    assert held(sessions.begin(User(name="vera", role=Role.ANALYST))) == vera


def test_only_analysts_reach_the_explorer(guarded):
    """A viewer is told so; an analyst gets past the gate."""
    assert needs_analyst("/explorer")
    assert needs_analyst("/explorer/ws")
    assert not needs_analyst("/explorers")
    sign_in(guarded, "vera")
    refused = guarded.get("/explorer")
    assert (refused.status_code, refused.json()) == (403, {"error": "this page is for analysts"})
    visit = {"sec-fetch-mode": "navigate"}
    for lang, told in (("en", "This page is for analysts"), ("ar", "هذه الصفحة للمحللين")):
        page = guarded.get(f"/explorer?lang={lang}", headers=visit)
        assert page.status_code == 403
        assert told in page.text
        assert "vera" in page.text
        assert f'href="/briefing?lang={lang}"' in page.text
        assert f'action="/logout?lang={lang}"' in page.text
    assert guarded.get("/lite").status_code == 200
    sign_in(guarded, "anna")
    assert guarded.get("/explorer").status_code in {200, 404}


def test_over_https_the_cookie_is_bound_to_the_host(catalog, users_file, tmp_path):
    """Secure, with the prefix that browsers enforce; the connection is pinned to https."""
    serving = Serving(catalog=catalog, cache=tmp_path, users=users_file,
                      public_url="https://relief.example.org/maps")  # fmt: skip
    with visiting(replace(serving)) as client:
        form = {"name": "vera", "password": PASSWORD}
        answer = client.post("https://relief.example.org/maps/login", data=form)
        assert answer.headers["set-cookie"].startswith("__Host-reliefscope=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers
        assert answer.headers["location"] == "/maps/"
        page = client.get("https://relief.example.org/maps/lite")
        assert 'href="/maps/lite?lang=en"' in page.text


class TestUsers:
    def test_passwords_are_kept_as_salted_hashes(self, tmp_path, monkeypatch):
        """Two users with one password have nothing in common in the file, which only we read."""
        monkeypatch.setattr(users, "_COST", FULL_COST)
        path = tmp_path / "users"
        users.add(path, "a", Role.VIEWER, PASSWORD)
        users.add(path, "b", Role.ANALYST, PASSWORD)
        text = path.read_text()
        assert PASSWORD not in text
        first, second = (line.split(":") for line in text.splitlines())
        assert first[2:] != second[2:]
        assert path.stat().st_mode & 0o077 == 0
        assert users.check(path, "b", PASSWORD) == User(name="b", role=Role.ANALYST)
        assert users.check(path, "b", PASSWORD + "x") is None

    @pytest.mark.parametrize(
        ("name", "password", "words"),
        [("a:b", PASSWORD, "letters"), ("", PASSWORD, "letters"), ("a", "short", "12 to")],
    )
    def test_what_will_not_do_is_refused(self, tmp_path, name, password, words):
        """With what is allowed."""
        with pytest.raises(InputError, match=words):
            users.add(tmp_path / "users", name, Role.VIEWER, password)

    def test_the_command_adds_a_user(self, tmp_path, monkeypatch, capsys):
        """`reliefscope users add` reads the password from its input, and does not print it."""
        import io  # noqa: PLC0415 - for this test alone

        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        path = tmp_path / "users"
        assert main(["users", "add", "carl", "--role", "analyst", "--file", str(path)]) == 0
        assert PASSWORD not in capsys.readouterr().out
        assert users.check(path, "carl", PASSWORD).role is Role.ANALYST

    def test_a_damaged_file_is_refused(self, tmp_path):
        """With the line that is wrong."""
        path = tmp_path / "users"
        path.write_text("a:viewer:!!\n")
        with pytest.raises(InputError, match="line 1"):
            users.check(path, "a", PASSWORD)


class TestServing:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"host": "0.0.0.0"}, "lets anybody in"),  # noqa: S104 - refused
            ({"host": "192.0.2.1"}, "lets anybody in"),
            ({"host": "relief.example.org"}, "lets anybody in"),
            ({"public_url": "https://relief.example.org"}, "open to the world"),
            ({"port": 70000}, "port"),
            ({"prefix": "/a", "public_url": "http://localhost/b"}, "differ"),
        ],
    )
    def test_what_would_be_open_to_strangers_is_refused(self, tmp_path, given, words):
        """Without signing in, only this machine may connect."""
        with pytest.raises(InputError, match=words):
            Serving(catalog=tmp_path, **given)

    def test_with_signing_in_any_address_will_do(self, tmp_path):
        """Users or a provider make it possible, not both."""
        provider = Provider(issuer="https://login.example.org", client_id="x")
        assert Serving(catalog=tmp_path, host="0.0.0.0", provider=provider).signed_in  # noqa: S104
        with pytest.raises(InputError, match="not both"):
            Serving(catalog=tmp_path, provider=provider, users=tmp_path)
        with pytest.raises(InputError, match="https"):
            Provider(issuer="http://login.example.org", client_id="x")

    def test_the_command_refuses_with_a_sentence(self, tmp_path, capsys):
        """Exit code 2, and what to do instead."""
        assert main(["serve", str(tmp_path), "--host", "0.0.0.0"]) == 2  # noqa: S104
        assert "--users FILE" in capsys.readouterr().err
