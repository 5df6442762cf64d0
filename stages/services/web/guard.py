"""Before every answer: may this browser, from this page, with this token, have it?"""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stages.services.web.address import HostNames
from stages.services.web.problem import problem
from stages.services.web.tokens import TokenFile

SUBPROTOCOL = "thunderline.v1"
_BEARER = "bearer."  # a WebSocket of a browser has no headers: the token comes as a subprotocol

_READING_POSTS = ("/api/v1/ticket", "/api/v1/config/check", "/api/v1/config/plan")

# What a ticket lets in, and how many seconds longer: who looks at a film seeks in it by requests.
_BY_TICKET = {"/cameras/": 0, "/recordings/": 3600}

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Wraps the application. There are no cookies, so a stranger's page has nothing to abuse but
    the visitor's network: the names of the host and of the page are checked for that.
    """

    def __init__(self, app: ASGIApp, hosts: HostNames, tokens: TokenFile | None) -> None:
        self._app = app
        self._hosts = hosts
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._refuse(scope, Headers(scope=scope))
        app = self._app if refused is None else problem(*refused)
        await app(scope, receive, send_guarded)

    def _refuse(self, scope: Scope, headers: Headers) -> tuple[int, str, dict[str, str]] | None:
        """Status, reason and headers of the refusal, if there is one."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hosts.allow(hosts[0]):
            return 421, "not a name of this machine; web.hosts names others", {}
        if _is_foreign(headers, hosts[0]) and not _is_visit(scope, headers):
            return 403, "asked for by a page of another site", {}
        if self._tokens is None or _is_public(scope["path"]):
            return None
        if not self._may_read(scope, headers):
            return 401, "expected the token of web.token_file", {"WWW-Authenticate": "Bearer"}
        if not _only_reads(scope) and not self._may_write(scope, headers):
            return 403, "expected the token `write` of web.token_file, got `read`", {}
        return None

    def _may_write(self, scope: Scope, headers: Headers) -> bool:
        assert self._tokens is not None
        tokens = self._tokens.tokens()
        return any(tokens.may_write(token) for token in _given_tokens(scope, headers))

    def _may_read(self, scope: Scope, headers: Headers) -> bool:
        assert self._tokens is not None
        tokens = self._tokens.tokens()
        if any(tokens.may_read(token) for token in _given_tokens(scope, headers)):
            return True
        seconds = next(
            (s for path, s in _BY_TICKET.items() if scope["path"].startswith(path)), None
        )
        if seconds is None:
            return False
        tickets = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [])
        return any(tokens.is_ticket(ticket, seconds) for ticket in tickets)


def _given_tokens(scope: Scope, headers: Headers) -> Iterable[str]:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip()
    for protocol in scope.get("subprotocols", ()):
        if protocol.startswith(_BEARER):
            yield protocol.removeprefix(_BEARER)


def _is_public(path: str) -> bool:
    """The page holds no data, and asks for the token; `healthz` says only that this is here."""
    return path in ("/", "/api/v1/healthz") or path.startswith("/assets/")


def _only_reads(scope: Scope) -> bool:
    """Whether it changes nothing in the line, whatever it is answered."""
    if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    return scope["method"] == "POST" and scope["path"] in _READING_POSTS


def _is_foreign(headers: Headers, host: str) -> bool:
    """Whether a page of another origin asks; programs say nothing of pages."""
    origins = headers.getlist("origin")
    if any(origin.partition("://")[2] != host for origin in origins):
        return True
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Somebody follows a link to the page: all that they take along is the address."""
    is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
    return is_page and headers.get("sec-fetch-mode") == "navigate" and "origin" not in headers
