"""Fixtures of the tests of jobs."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.servers import app_server


class Receiver:
    """Keeps what is posted; fails as often as told."""

    def __init__(self):
        self.got, self.failures, self.status = [], 0, 503

    async def endpoint(self, request):
        self.got.append((dict(request.headers), await request.body()))
        if self.failures:
            self.failures -= 1
            return PlainTextResponse("later", status_code=self.status)
        return PlainTextResponse("thanks")


@pytest.fixture(scope="module")
def receiver():
    """Listen for webhooks on this machine."""
    found = Receiver()
    with app_server(Starlette(routes=[Route("/hook", found.endpoint, methods=["POST"])])) as url:
        found.url = f"{url}/hook"
        yield found
