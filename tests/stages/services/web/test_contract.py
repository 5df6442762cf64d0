"""Requests that the OpenAPI document admits, at random: each answer is one that it promises."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.clips import make_clip
from tests.examples import examples
from tests.stages.services.web.web_line import ABSENT, WebLine

CHECKED = [status_code_conformance, content_type_conformance, response_schema_conformance]
DEFECT = 500
RANDOM = settings(
    examples(6),
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    """A line without a file of its own: what changes is in memory."""
    clip = make_clip(folder / "clip.avi", 32)
    sources: list[dict[str, object]] = [
        {"name": "street", "uri": str(clip), "loop": True, "realtime": True, "track": True},
        {"name": "yard", "uri": ABSENT},
    ]
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("street")
        yield web


@pytest.fixture(scope="module")
def operations(web: WebLine) -> list[Any]:
    """Those whose answers are JSON."""
    document = web.ask("/api/v1/openapi.json").json()
    found: list[Any] = [
        result.ok()  # type: ignore[union-attr]  # the document is valid
        for result in schemathesis.openapi.from_dict(document).get_all_operations()
    ]
    return [each for each in found if _answers_json(document["paths"][each.path], each.method)]


def _answers_json(path: Any, method: str) -> bool:
    found = path[method.lower()]["responses"].get("200", {})
    return "application/json" in found.get("content", {})


def test_every_answer_is_one_that_the_document_promises(
    web: WebLine, operations: list[Any]
) -> None:
    seen: set[int] = set()
    for operation in operations:

        @RANDOM
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            if "name" in (case.path_parameters or {}) and len(case.path_parameters["name"]) % 4:
                case.path_parameters["name"] = "street"  # others are refused at once
            if case.method == "DELETE" and case.path.endswith("{name}"):
                case.path_parameters["name"] = "yard"  # the others are asked of `street`
            if case.method in ("PUT", "DELETE"):
                case.headers["If-Match"] = "*"
            answer = case.call(base_url=f"http://{web.host}")
            case.validate_response(answer, checks=CHECKED)
            assert answer.status_code != DEFECT
            seen.add(answer.status_code)

        ask()
    assert {200, 201, 404, 422, 428} <= seen
    assert web.ask("/api/v1/healthz").status == 200
    assert "has a defect" not in web.line.stderr
