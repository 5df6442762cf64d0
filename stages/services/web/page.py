"""The dashboard: files of this package, and nothing from elsewhere."""

from importlib.resources import files

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
    """Contents by name."""
    folder = files("stages.services.web").joinpath("assets")
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if _suffix(file.name) in _MEDIA_TYPES
    }


class Page:
    """The endpoints `/` and `/assets`."""

    def __init__(self) -> None:
        self._assets = read_assets()

    def routes(self) -> list[Route]:
        return [
            Route("/", self._page, methods=["GET"]),
            Route("/assets/{name}", self._asset, methods=["GET"]),
        ]

    async def _page(self, _request: Request) -> Response:
        return self._serve(_PAGE)

    async def _asset(self, request: Request) -> Response:
        return self._serve(request.path_params["name"])

    def _serve(self, name: str) -> Response:
        if name not in self._assets:
            raise Refusal(404, f"there is no '{name[:100]}'")
        return Response(self._assets[name], media_type=_MEDIA_TYPES[_suffix(name)])


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"
