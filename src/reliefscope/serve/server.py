"""The whole server: one application, and what keeps it running."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from reliefscope.serve import apps
from reliefscope.serve.compress import Compress
from reliefscope.serve.config import Serving
from reliefscope.serve.front import Front
from reliefscope.serve.gate import Gate, Sessions
from reliefscope.serve.login import login_routes
from reliefscope.serve.routes import add_routes
from reliefscope.serve.shelf import Shelf
from reliefscope.views.shared import warm

_STOP_S = 5
_IDLE_S = 75
"""How long a connection without requests is kept: longer than visitors pause."""
_MOST_AT_ONCE = 500


def build(serving: Serving) -> tuple[ASGIApp, FastAPI, apps.Dashboards]:
    """Return the server, the application inside it, and the keeper of its dashboards.

    Every request passes, from the outside in: host, size and pace; packing; the gate; the
    policies of pages; and then the routes.
    """
    keeper: list[apps.Dashboards] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = (
            asyncio.create_task(keeper[0].keep()),
            asyncio.create_task(asyncio.to_thread(warm, serving.catalog, apps.routes_of(serving))),
        )
        yield
        for task in tasks:
            task.cancel()

    app = FastAPI(title="ReliefScope", docs_url=None, redoc_url=None, openapi_url=None,
                  lifespan=lifespan)  # fmt: skip
    sessions = Sessions(serving)
    app.include_router(login_routes(serving, sessions))
    add_routes(app, serving, Shelf(serving.catalog), apps.HOME)
    keeper.append(apps.mount(app, serving))
    policies = apps.Pages(app, serving)
    policies.dashboards = keeper[0]
    gate = Gate(policies, serving, sessions)
    return Front(Compress(gate), serving), app, keeper[0]


def run(serving: Serving, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve until stopped.

    Parameters
    ----------
    serving : Serving
        Where, and to whom.
    ready : callable
        Told the address before the first request is taken.
    """
    app, _, _ = build(serving)
    config = uvicorn.Config(
        app,
        host=serving.host,
        port=serving.port,
        log_level="warning",
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        server_header=False,
        ws_max_size=serving.limits.message_bytes,
        limit_concurrency=_MOST_AT_ONCE,
        timeout_graceful_shutdown=_STOP_S,
        timeout_keep_alive=_IDLE_S,
    )
    gc.collect()
    gc.freeze()  # what all pages share is not looked through each time that pages come and go
    ready(serving.public_url or f"http://{serving.host}:{serving.port}{serving.root}/")
    uvicorn.Server(config).run()
