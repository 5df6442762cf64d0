"""The dashboard: files of this package, and nothing from elsewhere."""

import gzip
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stages.services.web.problem import Refusal

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE = "index.html"


def read_assets() -> dict[str, bytes]:
    """Contents by path below the folder."""
    folder = files("stages.services.web").joinpath("assets")
    return {path: file.read_bytes() for path, file in _walk(folder)}


def _walk(folder: Traversable, above: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{above}{entry.name}/")
        elif _suffix(entry.name) in _MEDIA_TYPES:
            yield above + entry.name, entry


class Page:
    """The endpoints `/` and `/assets`."""

    def __init__(self) -> None:
        self._assets = read_assets()
        self._packed = {name: gzip.compress(content) for name, content in self._assets.items()}

    def routes(self) -> list[Route]:
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/assets/{name:path}", self._asset, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        return self._serve(_PAGE, request)

    async def _asset(self, request: Request) -> Response:
        return self._serve(request.path_params["name"], request)

    def _serve(self, name: str, request: Request) -> Response:
        if name not in self._assets:
            raise Refusal(404, f"there is no '{name[:100]}'")
        media, headers = _MEDIA_TYPES[_suffix(name)], {"Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self._packed[name], headers=headers, media_type=media)
        return Response(self._assets[name], headers=headers, media_type=media)


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"
