"""What a client sends along with a request, and the headers that tell of it."""

import asyncio
import re
from collections.abc import Collection

from starlette.requests import ClientDisconnect, Request

from stages.services.web.problem import Refusal

BODY_S = 10.0  # for a client to send its body
MOST_BYTES = 1 << 20  # of a body, as of a configuration file
_REVISION = re.compile(r'\s*(?:W/)?"([^"]*)"\s*(?:,|$)|\s*(\*)\s*$')


async def read_body(request: Request) -> bytes:
    """Raises Refusal: it is too long, or does not come."""
    try:
        return await asyncio.wait_for(_collect(request), BODY_S)
    except TimeoutError:
        raise Refusal(408, f"expected the whole body in {BODY_S:g} s") from None
    except ClientDisconnect:
        raise Refusal(400, "expected a whole body") from None


async def _collect(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refusal(413, f"expected {MOST_BYTES} bytes at most")
    return bytes(body)


def media_type(request: Request, known: Collection[str]) -> str:
    """Of the body. Raises Refusal."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in known:
        raise Refusal(415, f"expected a Content-Type of {', '.join(known)}, got '{media[:100]}'")
    return media


def read_revisions(request: Request) -> tuple[str, ...]:
    """What If-Match names: one of these must be in force. Raises Refusal."""
    text = ",".join(request.headers.getlist("if-match"))
    if not text:
        raise Refusal(428, 'expected If-Match with the ETag of what was read, or "*"')
    revisions, at = [], 0
    while at < len(text):
        found = _REVISION.match(text, at)
        if found is None:
            raise Refusal(400, f"If-Match: expected ETags or *, got {text[:100]}")
        revisions.append(found[1] if found[2] is None else found[2])
        at = found.end()
    return tuple(revisions)


def read_switch(request: Request, name: str) -> str:
    """A query parameter that is 0 or 1; empty without it. Raises Refusal."""
    text = request.query_params.get(name, "")
    if text not in ("", "0", "1"):
        raise Refusal(400, f"{name}: expected 0 or 1, got '{text[:100]}'")
    return text
