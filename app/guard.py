"""Who may ask the page: this machine's own browser, from the page itself.

Decisions: it listens on loopback alone, but a browser also runs other sites' scripts there. So the Host header must
name loopback (a site whose name was rebound to 127.0.0.1 is refused), a request that changes something must come from
the page (Origin), and the answers may not be embedded elsewhere. No cookie, no password: whoever has an account on
this machine can reach the port.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

HOSTS = ("127.0.0.1", "localhost")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def protect(app: FastAPI) -> None:
    """Refuse what does not come from this machine's own page, and mark every answer."""

    @app.middleware("http")
    async def check(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host.rsplit(":", 1)[0] not in HOSTS:
            response: Response = JSONResponse({"detail": f"only {' or '.join(HOSTS)} is served"}, 400)
        elif request.method != "GET" and origin is not None and origin != f"http://{host}":
            response = JSONResponse({"detail": "only the page itself may ask for that"}, 403)
        else:
            response = await call(request)
        response.headers.update(HEADERS)
        return response
