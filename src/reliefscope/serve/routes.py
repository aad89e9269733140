"""Tiles, vectors, files, numbers of areas, light pages and exports: all by id, all read-only."""

import datetime as dt
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from reliefscope.errors import InputError, IntegrityError, ReliefscopeError
from reliefscope.products import onscreen, tiles, vector_tiles
from reliefscope.products.statistics import to_csv_safe
from reliefscope.products.zone import table
from reliefscope.serve import lite, pages, wording
from reliefscope.serve.answers import Answers
from reliefscope.serve.config import Serving
from reliefscope.serve.export import export_page, height_of
from reliefscope.serve.shelf import Shelf
from reliefscope.views.store import SURROUNDINGS

_KEPT = "private, max-age=86400"
_ASK = "private, no-cache"
_HINTS = "Save-Data, ECT, RTT, Downlink"
_SLOW = frozenset({"slow-2g", "2g", "3g"})
_SHOWN_INLINE = frozenset({".html", ".png"})
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" '
    'rx="3" fill="#14304d"/><path d="M2 10q3-4 6 0t6 0v3H2z" fill="#4db2ff"/></svg>'
)


def add_routes(app: FastAPI, serving: Serving, shelf: Shelf, home: str) -> None:
    """Add everything but the dashboards."""
    answers = Answers(serving, shelf)
    app.include_router(_start(serving, home))
    app.include_router(_rasters(answers))
    app.include_router(_vectors(answers))
    app.include_router(_outlines(answers))
    app.include_router(_data(answers))
    app.include_router(_light(answers))
    _add_errors(app)


def _start(serving: Serving, home: str) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return Response(_ICON, 200, {"cache-control": "max-age=86400"}, "image/svg+xml")

    @router.get("/")
    async def start(request: Request) -> Response:
        target = "/lite" if is_slow(request) else home
        query = urlencode([(k, v) for k, v in request.query_params.multi_items() if k != "lite"])
        address = f"{serving.root}{target}{'?' if query else ''}{query}"
        return RedirectResponse(address, HTTPStatus.SEE_OTHER, {
            "accept-ch": _HINTS, "vary": "Save-Data, ECT", "cache-control": "private, no-cache",
        })  # fmt: skip

    return router


def is_slow(request: Request) -> bool:
    """Return whether a visitor asks for light pages, or the browser says that the link is slow."""
    if request.query_params.get("lite") == "1":
        return True
    headers = request.headers
    return headers.get("save-data", "").lower() == "on" or headers.get("ect", "") in _SLOW


def _place(z: int, x: int, y: int, deepest: int) -> tuple[int, int, int]:
    if not (0 <= z <= deepest and 0 <= x < 2**z and 0 <= y < 2**z):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return z, x, y


def _fresh(request: Request, etag: str) -> bool:
    """Return whether the visitor has it already."""
    return etag in {t.strip() for t in request.headers.get("if-none-match", "").split(",")}


def _rasters(answers: Answers) -> APIRouter:
    router = APIRouter()

    @router.get("/tiles/{product}/{layer}/{z:int}/{x:int}/{y:int}.webp")
    async def raster_tile(
        request: Request, product: str, layer: str, z: int, x: int, y: int
    ) -> Response:
        asset = await answers.asset(product, _raster_of(layer))
        place = _place(z, x, y, tiles.DEEPEST)
        headers = {"etag": asset.etag, "cache-control": _KEPT}
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(await answers.tile(asset, layer, place), 200, headers, tiles.MEDIA_TYPE)

    @router.get("/pictures/{product}/{layer}.webp")
    async def drawing(request: Request, product: str, layer: str) -> Response:
        asset = await answers.asset(product, _raster_of(layer))
        headers = {"etag": asset.etag, "cache-control": _KEPT}
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(await answers.drawing(asset, layer), 200, headers, tiles.MEDIA_TYPE)

    return router


def _raster_of(layer: str) -> str:
    """Return the file that holds a layer: of a class, that of the state."""
    return "state.tif" if layer in onscreen.CLASSES else f"{layer}.tif"


def _vectors(answers: Answers) -> APIRouter:
    router = APIRouter()

    @router.get("/vectors/{product}/{layer}.geojson")
    async def vectors(
        request: Request,
        product: str,
        layer: str,
        simplify: Annotated[float, Query(ge=0, le=1)] = 0.0,
    ) -> Response:
        asset = await answers.vectors(product, layer)
        headers = {"etag": asset.etag, "cache-control": _KEPT}
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        text = await answers.geojson(asset, layer, simplify)
        return Response(text, 200, headers, "application/geo+json")

    @router.get("/vectors/{product}/{layer}/{z:int}/{x:int}/{y:int}.mvt")
    async def vector_tile(
        request: Request, product: str, layer: str, z: int, x: int, y: int
    ) -> Response:
        asset = await answers.vectors(product, layer)
        place = _place(z, x, y, vector_tiles.DEEPEST)
        headers = {"etag": asset.etag, "cache-control": _KEPT, "content-encoding": "gzip"}
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        body = await answers.vector_tile(asset, layer, place)
        return Response(body, 200, headers, vector_tiles.MEDIA_TYPE)

    return router


def _outlines(answers: Answers) -> APIRouter:
    router = APIRouter()

    @router.get("/outlines/{product}/{layer}.geojson")
    async def outlines(request: Request, product: str, layer: str) -> Response:
        around = layer == SURROUNDINGS
        asset = await (
            answers.asset(product, "state.tif") if around else answers.vectors(product, layer)
        )
        headers = {"etag": asset.etag, "cache-control": _KEPT}
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(await answers.outlines(asset, layer), 200, headers, "application/geo+json")

    return router


def _data(answers: Answers) -> APIRouter:
    router = APIRouter()

    @router.api_route("/files/{product}/{name}", methods=["GET", "HEAD"])
    async def file(request: Request, product: str, name: str) -> Response:
        asset = await answers.asset(product, name)
        headers = {"etag": asset.etag, "cache-control": _ASK,
                   "content-security-policy": "sandbox; default-src 'none'"}  # fmt: skip
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return FileResponse(
            asset.path, media_type=asset.media_type, filename=f"{product}.{name}", headers=headers
        )

    @router.post("/area/{product}")
    async def area(request: Request, product: str, format: str = "json") -> Response:  # noqa: A002 - as visitors write it
        shown = await answers.shown(product)
        facts = await answers.count(shown.entry.folder, await request.body())
        if format == "csv" or request.headers.get("accept", "").startswith("text/csv"):
            name = f"{product}.area.csv"
            disposition = {"content-disposition": f'attachment; filename="{name}"'}
            return Response(to_csv_safe(table(facts)), 200, disposition, "text/csv")
        return Response(facts.to_json(), 200, None, "application/json")

    return router


def _light(answers: Answers) -> APIRouter:
    router = APIRouter()

    @router.get("/lite")
    async def listing(
        request: Request, q: str = "", hazard: str = "", since: str = "", until: str = ""
    ) -> Response:
        words = pages.words_for(request)
        search = lite.Search(text=q[:80], hazard=hazard[:20], since=since[:10], until=until[:10])
        found = await answers.all()
        told = await answers.run(lite.listing, found, search, words)
        return pages.page(request, "list.html", words, form=True, **told)

    @router.get("/lite/{product}")
    async def one(request: Request, product: str) -> Response:
        words = pages.words_for(request)
        shown = await answers.shown(product)
        told = await answers.run(lite.briefing, shown, words, dt.datetime.now(dt.UTC))
        picture = await answers.picture(await answers.asset(product, "thumbnail.png"))
        told["picture_height"] = height_of(picture)
        return pages.page(request, "lite.html", words, form=True, p=told)

    @router.get("/lite/{product}/map.webp")
    async def picture(request: Request, product: str) -> Response:
        asset = await answers.asset(product, "thumbnail.png")
        headers = {"etag": asset.etag, "cache-control": _KEPT}
        if _fresh(request, asset.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(await answers.picture(asset), 200, headers, tiles.MEDIA_TYPE)

    @router.get("/export/{product}.html")
    async def export(request: Request, product: str) -> Response:
        shown, words = await answers.shown(product), pages.words_for(request)
        text = await answers.run(export_page, shown, words, dt.datetime.now(dt.UTC))
        name = f"{product}.{words.language}.html"
        return Response(text, 200, {
            "content-disposition": f'attachment; filename="{name}"',
            "content-security-policy": "sandbox; default-src 'none'",
            "cache-control": "private, no-cache",
        }, "text/html")  # fmt: skip

    return router


def _add_errors(app: FastAPI) -> None:
    """Say what went wrong in one sentence, as a page where a page was asked for."""

    @app.exception_handler(ClientDisconnect)
    async def cut(request: Request, error: ClientDisconnect) -> Response:
        del request, error  # it left, or sent more than is read
        words = "the request is larger than is read here; simplify or cut what you send"
        return JSONResponse({"error": words}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    @app.exception_handler(InputError)
    async def refused(request: Request, error: InputError) -> Response:
        del request
        return JSONResponse({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(IntegrityError)
    async def damaged(request: Request, error: IntegrityError) -> Response:
        del request
        return JSONResponse({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)

    @app.exception_handler(ReliefscopeError)
    async def failed(request: Request, error: ReliefscopeError) -> Response:
        del request
        return JSONResponse({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)

    @app.exception_handler(HTTPStatus.NOT_FOUND)
    async def missing(request: Request, error: Exception) -> Response:
        del error
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": "there is no such thing"}, HTTPStatus.NOT_FOUND)
        words = pages.words_for(request)
        return pages.page(
            request, "message.html", words, status=HTTPStatus.NOT_FOUND, form=True,
            heading=words(wording.NOT_FOUND), text=words(wording.NOT_FOUND_TEXT),
        )  # fmt: skip
