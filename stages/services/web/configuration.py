"""REST: the configuration of the line, and the zones and counting lines of its cameras."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.service import ControlError
from stages.config import LineConfig, SourceConfig
from stages.events.config import CountingLineConfig, ZoneConfig
from stages.services import line_control as line
from stages.services.web.api import NAME
from stages.services.web.bodies import media_type, read_body, read_revisions, read_switch
from stages.services.web.openapi import JSON, Operation, Parameter
from stages.services.web.problem import Refusal

ANSWER_S = 30.0  # for the line; a large configuration takes seconds
YAML, PATCH = "application/yaml", "application/merge-patch+json"
_SAVING: Mapping[str, line.Saving] = {"": "if possible", "0": "never", "1": "always"}

CONFIG = "/api/v1/config"
CAMERAS = "/api/v1/cameras"
ONE_CAMERA = "/api/v1/cameras/{name}"
ZONES = "/api/v1/cameras/{name}/zones"
SWITCHES = "/api/v1/cameras/{name}/switches"
ONE_ZONE = "/api/v1/cameras/{name}/zones/{region}"
ONE_LINE = "/api/v1/cameras/{name}/lines/{region}"
_REGION = Parameter("region", "path", {"type": "string"}, "its name")
_BIT = {"type": "integer", "enum": [0, 1]}
_PLAN = Parameter("plan", "query", _BIT, "1: say what would change, and change nothing")
_SAVE = Parameter("save", "query", _BIT, "1: refuse what cannot be written into the file; "
                  "0: leave the file; by default it is written if that can be done")  # fmt: skip
_IF_MATCH = Parameter("If-Match", "header", {"type": "string"},
                      "the ETag of what was read, or * for whatever there is")  # fmt: skip
_DOCUMENTS = {JSON: LineConfig, PATCH: None, YAML: LineConfig}
_BODY_PROBLEMS = (400, 408, 413, 415, 422, 503)
_PROBLEMS = (*_BODY_PROBLEMS, 404, 409, 412, 428)
_OF_LINE = (_PLAN, _SAVE, _IF_MATCH)
_OF_ALL = (NAME, _PLAN, _SAVE, _IF_MATCH)
_OF_ONE = (NAME, _REGION, _PLAN, _SAVE, _IF_MATCH)
_DONE = {200: line.Outcome}
OPERATIONS = (
    Operation("GET", CONFIG, "The configuration in force, without secrets",
              {200: line.Configuration}, (503,)),
    Operation("POST", f"{CONFIG}/check", "Whether a start would take a configuration",
              {200: line.Checked}, _BODY_PROBLEMS, takes=_DOCUMENTS),
    Operation("POST", f"{CONFIG}/plan", "What a configuration would change, and what it costs",
              _DONE, _BODY_PROBLEMS, takes=_DOCUMENTS),
    Operation("POST", f"{CONFIG}/apply", "Bring a configuration into force",
              _DONE, _PROBLEMS, (_SAVE, _IF_MATCH), takes=_DOCUMENTS),
    Operation("POST", CAMERAS, "Add a camera; the others go on",
              {200: line.Outcome, 201: line.Outcome}, (*_BODY_PROBLEMS, 409, 412), _OF_LINE,
              takes={JSON: SourceConfig}),
    Operation("DELETE", ONE_CAMERA, "Remove a camera; the others go on",
              _DONE, _PROBLEMS, (NAME, *_OF_LINE)),
    Operation("GET", ZONES, "The zones and counting lines of a camera",
              {200: line.ZonesOfCamera}, (404, 503), (NAME,)),
    Operation("PUT", ZONES, "Replace all zones, all counting lines, or both",
              _DONE, _PROBLEMS, _OF_ALL, takes={JSON: line.ZonesOfCamera}),
    Operation("GET", SWITCHES, "Whether a camera is looked at, and recorded",
              {200: line.Switches}, (404, 503), (NAME,)),
    Operation("PUT", SWITCHES, "Switch detection, recording, or both",
              _DONE, _PROBLEMS, _OF_ALL, takes={JSON: line.Switches}),
    Operation("PUT", ONE_ZONE, "Add or replace a zone",
              _DONE, _PROBLEMS, _OF_ONE, takes={JSON: ZoneConfig}),
    Operation("DELETE", ONE_ZONE, "Take a zone away", _DONE, _PROBLEMS, _OF_ONE),
    Operation("PUT", ONE_LINE, "Add or replace a counting line",
              _DONE, _PROBLEMS, _OF_ONE, takes={JSON: CountingLineConfig}),
    Operation("DELETE", ONE_LINE, "Take a counting line away", _DONE, _PROBLEMS, _OF_ONE),
)  # fmt: skip

Ask = Callable[[bytes, float], Awaitable[bytes]]


class Configuration:
    """The endpoints. What they are asked, the line answers: this service knows no configuration."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def routes(self) -> list[Route]:
        endpoints = [
            self._read, self._check, self._plan, self._apply, self._add_camera,
            self._remove_camera, self._read_zones, self._put_zones, self._read_switches,
            self._put_switches, self._put_zone, self._delete_zone, self._put_line,
            self._delete_line,
        ]  # fmt: skip
        return [
            Route(operation.path, endpoint, methods=[operation.method])
            for operation, endpoint in zip(OPERATIONS, endpoints, strict=True)
        ]

    async def _read(self, _request: Request) -> Response:
        return await self._answer(line.ReadConfiguration())

    async def _check(self, request: Request) -> Response:
        return await self._answer(line.Change(to=await _document(request), mode="check"))

    async def _plan(self, request: Request) -> Response:
        return await self._answer(line.Change(to=await _document(request), mode="plan"))

    async def _apply(self, request: Request) -> Response:
        return await self._change(request, await _document(request))

    async def _add_camera(self, request: Request) -> Response:
        """Nothing is written over, so nothing has to have been read before."""
        to = line.NewCamera(await _json(request))
        answer = await self._change(request, to, revisions=("*",))
        outcome = msgspec.json.decode(answer.body, type=line.Outcome)
        if outcome.applied:
            camera = next(each.camera for each in outcome.changes if each.kind == "camera added")
            answer.status_code = 201
            answer.headers["Location"] = ONE_CAMERA.format(name=camera)
        return answer

    async def _remove_camera(self, request: Request) -> Response:
        return await self._change(request, line.NoCamera(_name(request)))

    async def _read_zones(self, request: Request) -> Response:
        return await self._answer(line.ReadZones(camera=_name(request)))

    async def _put_zones(self, request: Request) -> Response:
        return await self._change(request, line.CameraZones(_name(request), await _json(request)))

    async def _read_switches(self, request: Request) -> Response:
        return await self._answer(line.ReadSwitches(camera=_name(request)))

    async def _put_switches(self, request: Request) -> Response:
        """It says what is wanted, whatever was there: so `If-Match` may be left out."""
        wanted = line.CameraSwitches(_name(request), await _json(request))
        return await self._change(request, wanted, ("*",))

    async def _put_zone(self, request: Request) -> Response:
        return await self._change(request, _region(request, "zones", await _json(request)))

    async def _delete_zone(self, request: Request) -> Response:
        return await self._change(request, _region(request, "zones"))

    async def _put_line(self, request: Request) -> Response:
        return await self._change(request, _region(request, "lines", await _json(request)))

    async def _delete_line(self, request: Request) -> Response:
        return await self._change(request, _region(request, "lines"))

    async def _change(
        self, request: Request, to: line.Wanted, revisions: tuple[str, ...] | None = None
    ) -> Response:
        """`revisions` are those of If-Match; with these, it need not be given."""
        saving = _SAVING[read_switch(request, "save")]
        if read_switch(request, "plan") == "1":
            return await self._answer(line.Change(to=to, mode="plan"))
        if revisions is None or "if-match" in request.headers:
            revisions = read_revisions(request)
        return await self._answer(line.Change(to=to, revisions=revisions, saving=saving))

    async def _answer(self, question: line.Question) -> Response:
        try:
            given = await self._ask(msgspec.json.encode(question), ANSWER_S)
        except ControlError as error:
            raise Refusal(503, str(error)) from None
        answer = msgspec.json.decode(given, type=line.Answer)
        if answer.status >= 400:
            refused = msgspec.json.decode(answer.body, type=line.Refusal)
            raise Refusal(answer.status, refused.detail, refused.errors)
        headers = {"ETag": f'"{answer.revision}"'} if answer.revision else {}
        return Response(bytes(answer.body), answer.status, headers, media_type=JSON)


def _name(request: Request) -> str:
    return str(request.path_params["name"])


def _region(request: Request, section: line.Section, text: bytes | None = None) -> line.Region:
    return line.Region(_name(request), section, request.path_params["region"], text)


async def _json(request: Request) -> bytes:
    media_type(request, [JSON])
    return await read_body(request)


async def _document(request: Request) -> line.Document:
    media = media_type(request, _DOCUMENTS)
    text = await read_body(request)
    return line.Document(text, "yaml" if media == YAML else "json", is_patch=media == PATCH)
