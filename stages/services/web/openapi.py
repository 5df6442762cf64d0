"""The OpenAPI 3.1 document of the REST API, made of the routes and of the structs they answer."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from stages.services.web.problem import MEDIA_TYPE, Problem

_REFERENCE = "#/components/schemas/{name}"
JSON = "application/json"


class Parameter(NamedTuple):
    """Something in the path or the query of an address."""

    name: str
    place: str  # "path" or "query"
    schema: Mapping[str, Any]
    description: str


class Operation(NamedTuple):
    """One method of one path, and what it answers: structs by status, or media of other kinds."""

    method: str
    path: str
    summary: str
    answers: Mapping[int, type[msgspec.Struct]]
    problems: Sequence[int] = ()
    parameters: Sequence[Parameter] = ()
    media: str = JSON
    takes: Mapping[str, type[msgspec.Struct] | None] = {}  # bodies by media; None: any JSON object


def make_document(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    answers = {struct for each in operations for struct in each.answers.values()}
    bodies = {struct for each in operations for struct in each.takes.values() if struct}
    structs = {Problem, *answers, *bodies}
    _, schemas = msgspec.json.schema_components(
        sorted(structs, key=lambda struct: struct.__name__), ref_template=_REFERENCE
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ThunderLine",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    answers = {
        str(status): _answer(HTTPStatus(status).phrase, operation.media, struct)
        for status, struct in operation.answers.items()
    }
    if not operation.answers:
        answers["200"] = _answer("OK", operation.media, None)
    problems = {
        str(status): _answer(HTTPStatus(status).phrase, MEDIA_TYPE, Problem)
        for status in sorted({401, 403, 421, *operation.problems})
    }
    return {
        "operationId": f"{operation.method.lower()}_{_words(operation.path)}",
        "summary": operation.summary,
        "parameters": [
            {
                "name": each.name,
                "in": each.place,
                "required": each.place == "path",
                "description": each.description,
                "schema": dict(each.schema),
            }
            for each in operation.parameters
        ],
        "responses": answers | problems,
    } | _describe_body(operation.takes)


def _describe_body(takes: Mapping[str, type[msgspec.Struct] | None]) -> dict[str, Any]:
    if not takes:
        return {}
    content = {
        media: {"schema": {"type": "object"} if struct is None else _refer(struct)}
        for media, struct in takes.items()
    }
    return {"requestBody": {"required": True, "content": content}}


def _answer(phrase: str, media: str, struct: type[msgspec.Struct] | None) -> dict[str, Any]:
    if struct is None:
        return {"description": phrase, "content": {media: {}}}
    return {"description": phrase, "content": {media: {"schema": _refer(struct)}}}


def _refer(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=struct.__name__)}


def _words(path: str) -> str:
    return "_".join(
        filter(None, path.replace("{", "").replace("}", "").replace(".", "/").split("/"))
    )
