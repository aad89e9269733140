"""A loopback server that gives recorded answers, or hostile ones, in place of the services."""

import contextlib
import json
from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from reliefscope.settings import Settings
from reliefscope.transport.client import Transport
from reliefscope.transport.retry import Retry
from tests.servers import app_server

FAST = Retry(attempts=2, first_s=0.001, longest_s=0.002, deadline_s=5)


class Replay:
    """Answers by path; a callable answer is given the request. What was asked is kept."""

    def __init__(self, url):
        self.url = url
        self.clear()

    def clear(self):
        self.answers, self.asked, self.everything = {}, [], None

    def give(self, path, answer, status=200):
        """Answer requests to ``path``: text, bytes, or anything that can be JSON."""
        self.answers[path] = (answer, status)

    def always(self, answer, status=200):
        """Answer every request the same."""
        self.everything = (answer, status)

    def reply(self, request, body):
        asked = dict(request.query_params)
        self.asked.append((request.url.path, asked, body))
        answer, status = self.everything or self.answers.get(request.url.path, ("", 404))
        if callable(answer):
            answer = answer(asked, body)
        if not isinstance(answer, str | bytes):
            answer = json.dumps(answer)
        return Response(answer, status_code=status)


@contextlib.contextmanager
def replaying() -> Iterator[Replay]:
    """Serve a replay; yield it."""
    replay = Replay("")

    async def endpoint(request):
        return replay.reply(request, await request.body())

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
    with app_server(app) as url:
        replay.url = url
        yield replay


def loopback(tmp_path, **settings) -> Transport:
    """A transport that trusts this machine, keeps its answers apart and is quick to give up."""
    secrets = {"RELIEFWEB_APPNAME": "tests"}
    given = {"cache": tmp_path, "allow_hosts": frozenset({"127.0.0.1"}), "secrets": secrets}
    return Transport(Settings(**given | settings), retry=FAST)
