"""One loopback server for all tests of a module, on which each test puts its own application."""

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send


class Stage:
    """Serves whatever application is on it."""

    def __init__(self):
        self.app = Starlette()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
