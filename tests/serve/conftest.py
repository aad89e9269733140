"""Published products, hostile ones among them, behind the whole server."""

import contextlib

import pytest
from starlette.testclient import TestClient

from reliefscope.model.area import Area
from reliefscope.model.event import Event, Hazard
from reliefscope.products.catalog import publish
from reliefscope.serve import users
from reliefscope.serve.config import Limits, Serving
from reliefscope.serve.server import build
from tests.products.conftest import draw_bare
from tests.products.scene import (
    COLUMNS,
    ONSET,
    RELEASED,
    ROWS,
    lonlat,
    make_context,
    make_product,
    pixels,
)

SCRIPT = "<script>alert('x')</script><img src=x onerror=alert(1)>"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def catalog(tmp_path_factory):
    """Two products: a plain one, and one whose texts are all hostile."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        draw_bare(patch)
        publish(make_product(), folder, context=make_context(), released=RELEASED)
        area = Area.from_geometry(lonlat(pixels(0, ROWS, 0, COLUMNS).buffer(1.0)), name=SCRIPT)
        event = Event(id="EVIL", title=SCRIPT, hazard=Hazard.FLOOD, area=area, onset=ONSET)
        admin = make_context().admin.assign(name=[SCRIPT, '"><svg onload=alert(2)>'])
        publish(
            make_product(event=event),
            folder,
            context=make_context(admin=admin),
            released=RELEASED,
        )
    return folder


PLAIN = "EMSR771_AOI01_DEL_PRODUCT_r1_v1"
EVIL = "EVIL_AOI01_DEL_PRODUCT_r1_v1"


@contextlib.contextmanager
def visiting(serving):
    """Yield a visitor of a server, and the application inside it."""
    server, app, dashboards = build(serving)
    base = serving.public_url or f"http://{serving.host}:{serving.port}"
    with TestClient(server, base_url=base, follow_redirects=False) as client:
        client.app_inside, client.dashboards = app, dashboards
        yield client


@pytest.fixture(scope="session")
def visitor(catalog, tmp_path_factory):
    """A visitor at this machine, where nobody signs in."""
    cache = tmp_path_factory.mktemp("cache")
    with visiting(Serving(catalog=catalog, cache=cache)) as client:
        yield client


@pytest.fixture(scope="session", autouse=True)
def quick_passwords():
    """Hash passwords at a fraction of the cost; that they are is tested at the full one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_COST", {**users._COST, "n": 2**10})
        yield


@pytest.fixture(scope="session")
def users_file(tmp_path_factory):
    """One viewer and one analyst."""
    path = tmp_path_factory.mktemp("users") / "users"
    users.add(path, "vera", users.Role.VIEWER, PASSWORD)
    users.add(path, "anna", users.Role.ANALYST, PASSWORD)
    return path


@pytest.fixture(scope="module")
def guarded_server(catalog, users_file, tmp_path_factory):
    """A server that asks who comes, for all tests of a file."""
    limits = Limits(logins_per_minute=600)
    serving = Serving(catalog=catalog, cache=tmp_path_factory.mktemp("guarded"), users=users_file,
                      limits=limits)  # fmt: skip
    with visiting(serving) as client:
        yield client


@pytest.fixture
def guarded(guarded_server):
    """A visitor who must sign in, and has not yet."""
    guarded_server.cookies.clear()
    return guarded_server
