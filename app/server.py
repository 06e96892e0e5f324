"""The search page's answers over HTTP, on loopback.

Decisions: FastAPI with one page, one style sheet and a little script, no build step and nothing from the network
(Gradio would bring a look, a server and analytics of its own, and a gallery that cannot say what is right). A sent
picture is the request's body, read piece by piece and bounded. Errors are sentences for people, in `detail`.
"""

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from starlette.requests import ClientDisconnect

from app import guard, pictures
from app.page import NotReadyError, Page
from sanreid import faults

HERE = Path(__file__).parent
FILES = ("style.css", "page.js", "parts.js")
MOST_BYTES = 100 << 20  # of a sent file: 30 megapixels without loss are 60 MB
TOO_LARGE = f"more than {MOST_BYTES >> 20} MB; make the picture smaller"
FOREVER = "private, max-age=31536000, immutable"  # the address of a gallery's picture names its version
STATUS = {
    LookupError: 404,
    FileNotFoundError: 404,
    PermissionError: 403,
    NotReadyError: 409,
    ValueError: 422,
    OSError: 422,
}

Top = Annotated[int, Query(ge=1, le=500)]
Version = Annotated[str, Query(max_length=64)]  # of the gallery whose rows are meant; "": as it is now
Large = Annotated[bool, Query()]


def create(page: Page) -> FastAPI:
    """The application over `page`, without FastAPI's own pages, whose scripts come from the network."""

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        page.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    guard.protect(app)
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, lambda _, error, status=status: _told(error, status))

    @app.get("/api/galleries")
    def galleries() -> dict[str, Any]:
        return {"network": page.network(), "galleries": page.galleries()}

    @app.post("/api/galleries")
    def open_folder(folder: Annotated[str, Body(embed=True, max_length=4096)]) -> dict[str, Any]:
        return page.open(folder)

    @app.get("/api/galleries/{key}")
    def gallery(key: str) -> dict[str, Any]:
        return page.gallery(key)

    @app.post("/api/galleries/{key}/read")
    def read(key: str) -> dict[str, Any]:
        return page.read(key)

    @app.get("/api/galleries/{key}/sample")
    def sample(key: str, count: Top = 24, seed: Annotated[int, Query(ge=0)] = 0) -> list[dict[str, Any]]:
        return page.sample(key, count, seed)

    @app.get("/api/galleries/{key}/failures")
    def failures(key: str) -> dict[str, Any]:
        return page.failures(key)

    @app.get("/api/galleries/{key}/pictures/{row}")
    def picture(key: str, row: int, large: Large = False, v: Version = "") -> Response:
        page.meant(key, v)
        return _image(page.thumbnail(key, row, pictures.SIDES[large]))

    @app.get("/api/galleries/{key}/painted/{kind}")
    def painted(key: str, kind: str, query: str | None = None, row: int | None = None) -> Response:
        return _image(page.painted(key, _asked(query, row), kind))

    @app.get("/api/queries/{query}")
    def sent(query: str, large: Large = False) -> Response:
        return _image(page.sent(query, pictures.SIDES[large]))

    @app.post("/api/queries")
    async def send(request: Request) -> dict[str, Any]:
        data = bytearray()
        if int(request.headers.get("content-length") or 0) > MOST_BYTES:
            raise HTTPException(413, TOO_LARGE)
        try:
            async for piece in request.stream():
                data += piece
                if len(data) > MOST_BYTES:
                    raise HTTPException(413, TOO_LARGE)
        except ClientDisconnect:  # the sending was called off: nobody waits for an answer, and nothing is wrong
            raise HTTPException(400, "the picture did not arrive whole; send it again") from None
        return await run_in_threadpool(page.add, bytes(data))

    @app.get("/api/galleries/{key}/search")
    def search(
        key: str,
        query: str | None = None,
        row: int | None = None,
        top: Top = 60,
        rerank: bool = False,
        other_cameras: bool = False,
        v: Version = "",
    ) -> dict[str, Any]:
        page.meant(key, v)
        return page.search(key, _asked(query, row), top, rerank, other_cameras)

    @app.get("/api/galleries/{key}/attributes")
    def attributes(key: str, query: str | None = None, row: int | None = None, v: Version = "") -> list[dict[str, Any]]:
        page.meant(key, v)
        return page.attributes(key, _asked(query, row))

    for name in FILES:
        app.add_api_route(f"/{name}", lambda name=name: _file(name))
    app.add_api_route("/", lambda: _file("page.html"))
    return app


def _asked(query: str | None, row: int | None) -> str | int:
    asked = query if row is None else row
    if asked is None or (query is not None and row is not None):
        raise HTTPException(422, "name either a sent picture (query) or a picture of the folder (row)")
    return asked


def _told(error: Exception, status: int) -> JSONResponse:
    words = error.args[0] if isinstance(error, LookupError) and error.args else faults.message(error)
    return JSONResponse({"detail": str(words)}, status)


def _file(name: str) -> FileResponse:
    return FileResponse(HERE / name, headers={"Cache-Control": "no-cache"})


def _image(picture: pictures.Picture) -> Response:
    return Response(picture.data, media_type=picture.kind, headers={"Cache-Control": FOREVER})


def serving(app: FastAPI) -> uvicorn.Server:
    """A server of the application, in silence but for errors."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))


def listen(port: int) -> socket.socket:
    """A socket on loopback, taken before the network is loaded; OSError with the remedy where the port is in use."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen()  # who asks before the server takes it waits; and only now is the port ours alone
    except OSError as error:
        listening.close()
        raise OSError(f"port {port}: {error.strerror}; name another: make app PORT=...") from None
    return listening
