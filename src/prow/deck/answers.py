"""What the answers of many routes have in common: headers, pages that say what is missing, JSON as scripts fetch it."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from prow.deck.pages import Pages
from prow.model.base import to_json

NO_STORE = {"Cache-Control": "no-store, must-revalidate", "Expires": "0"}
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,63}")


def missing(pages: Pages, title: str, text: str) -> Response:
    return HTMLResponse(pages.message(title, text), 404, headers=NO_STORE)


def json(value: object, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json", headers=NO_STORE)


def script(request: Request, value: object) -> Response:
    """JSON, or with `?var=NAME` a script that sets NAME (`spec/deck` §2.3); a name that is none is refused."""
    name = request.query_params.get("var", "")
    if not name:
        return json(value)
    if not _IDENTIFIER.fullmatch(name):
        return PlainTextResponse("var has to be a name: letters, digits, _ and $\n", 400, headers=NO_STORE)
    body = b"var %s = %s;" % (name.encode(), to_json(value))
    return Response(body, media_type="application/javascript", headers=NO_STORE)
