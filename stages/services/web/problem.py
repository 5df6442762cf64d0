"""Errors as RFC 9457 says: what went wrong, for people and for programs."""

from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from stages.services.line_control import Mistake

MEDIA_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True):
    """The body of every answer that is an error."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: tuple[Mistake, ...] = ()  # in a configuration


class Refusal(HTTPException):
    """An answer that is an error, from wherever it is noticed."""

    def __init__(self, status: int, detail: str, errors: tuple[Mistake, ...] = ()) -> None:
        super().__init__(status, detail)
        self.errors = errors


def problem(
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: tuple[Mistake, ...] = (),
) -> Response:
    body = Problem(HTTPStatus(status).phrase, status, detail, errors=errors)
    return Response(msgspec.json.encode(body), status, headers, media_type=MEDIA_TYPE)


async def answer_refusal(_request: Request, error: Exception) -> Response:
    """For starlette: what its routes and ours raise."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    errors = error.errors if isinstance(error, Refusal) else ()
    return problem(error.status_code, error.detail, headers, errors)


async def answer_defect(_request: Request, _error: Exception) -> Response:
    """The traceback is in the log, and nowhere else."""
    return problem(500, "the service has a defect; its log says more")
