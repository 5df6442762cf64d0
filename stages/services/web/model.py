"""REST: what the model that is in use says about itself."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stages.kernels.fit import Fit
from stages.services.web.api import answer
from stages.services.web.openapi import Operation


class SoftNmsSettings(msgspec.Struct, frozen=True):
    """How boxes competed when the accuracy was measured; the configuration may say otherwise."""

    method: str
    iou_thresh: float
    sigma: float


class Model(msgspec.Struct, frozen=True):
    """The card in the model file, and which file it is."""

    name: str
    file: str  # its name, without folders
    sha256: str  # of the file
    checkpoint_sha256: str  # that it was exported from
    labels: tuple[str, ...]  # `class_id` counts from 0 here
    input_wh: tuple[int, int]
    max_rois: int
    score_thresh: float  # that a display should show
    soft_nms: SoftNmsSettings
    fit: Fit
    recipe: dict[str, Any]  # how it was trained or where it comes from, and what it reaches


OPERATIONS = (Operation("GET", "/api/v1/model", "The model in use", {200: Model}),)


class ModelCard:
    """The endpoint `/api/v1/model`."""

    def __init__(self, card: Model) -> None:
        self._card = card

    def routes(self) -> list[Route]:
        return [Route("/api/v1/model", self._read, methods=["GET"])]

    async def _read(self, _request: Request) -> Response:
        return answer(self._card)
