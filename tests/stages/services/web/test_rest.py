"""REST, asked of a real line: what it says, and that it says what its document promises."""

import gzip
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stages.model.model_file import read_model_metadata
from stages.services.web.guard import HEADERS
from stages.services.web.page import read_assets
from tests.clips import make_clip
from tests.running_line import wait_until
from tests.stages.services.web.web_line import ABSENT, SECRET, TINY_MODEL, Answer, WebLine

API = "/api/v1"


@pytest.fixture(scope="module")
def web() -> Iterator[WebLine]:
    """One camera that gives results, and one that is never there."""
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    clip = make_clip(folder / "clip.avi", 32)
    sources: list[dict[str, object]] = [
        {"name": "street", "uri": str(clip), "loop": True, "realtime": True},
        {"name": "yard", "uri": ABSENT},
    ]
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("street")
        yield web
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def document(web: WebLine) -> dict[str, Any]:
    found: dict[str, Any] = web.ask(f"{API}/openapi.json").json()
    return found


def check(document: dict[str, Any], path: str, method: str, answer: Answer) -> None:
    """The answer must be one that the document has, and valid."""
    content = document["paths"][path][method.lower()]["responses"][str(answer.status)]["content"]
    media = answer.headers["Content-Type"].partition(";")[0]
    schema = {**content[media]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())


REQUESTS = [
    ("GET", f"{API}/cameras", {}),
    ("POST", f"{API}/cameras", {}),
    ("GET", f"{API}/cameras/{{name}}", {"name": "street"}),
    ("GET", f"{API}/cameras/{{name}}", {"name": "nowhere"}),
    ("DELETE", f"{API}/cameras/{{name}}", {"name": "street"}),
    ("GET", f"{API}/cameras/{{name}}/detections", {"name": "street"}),
    ("GET", f"{API}/cameras/{{name}}/detections", {"name": "yard"}),
    ("GET", f"{API}/cameras/{{name}}/detections", {"name": "nowhere"}),
    ("GET", f"{API}/status", {}),
    ("GET", f"{API}/healthz", {}),
    ("GET", f"{API}/readyz", {}),
    ("POST", f"{API}/ticket", {}),
    ("GET", f"{API}/model", {}),
    ("GET", f"{API}/config", {}),
    ("POST", f"{API}/config/check", {}),
    ("POST", f"{API}/config/plan", {}),
    ("POST", f"{API}/config/apply", {}),
    ("GET", f"{API}/cameras/{{name}}/zones", {"name": "street"}),
    ("GET", f"{API}/cameras/{{name}}/zones", {"name": "nowhere"}),
    ("PUT", f"{API}/cameras/{{name}}/zones", {"name": "street"}),
    ("GET", f"{API}/cameras/{{name}}/switches", {"name": "street"}),
    ("GET", f"{API}/cameras/{{name}}/switches", {"name": "nowhere"}),
    ("PUT", f"{API}/cameras/{{name}}/switches", {"name": "street"}),
    ("PUT", f"{API}/cameras/{{name}}/zones/{{region}}", {"name": "street", "region": "yard"}),
    ("DELETE", f"{API}/cameras/{{name}}/zones/{{region}}", {"name": "street", "region": "yard"}),
    ("PUT", f"{API}/cameras/{{name}}/lines/{{region}}", {"name": "street", "region": "road"}),
    ("DELETE", f"{API}/cameras/{{name}}/lines/{{region}}", {"name": "street", "region": "road"}),
    ("GET", f"{API}/events", {}),
    ("GET", f"{API}/recordings", {}),
    ("GET", f"{API}/recordings/{{recording}}", {"recording": "none"}),
    ("DELETE", f"{API}/recordings/{{recording}}", {"recording": "none"}),
    ("PUT", f"{API}/recordings/{{recording}}/protection", {"recording": "none"}),
    ("DELETE", f"{API}/recordings/{{recording}}/protection", {"recording": "none"}),
    ("GET", f"{API}/cameras/{{name}}/timeline", {"name": "street"}),
    ("POST", f"{API}/cameras/{{name}}/clips", {"name": "street"}),
    ("GET", "/recordings/{recording}", {"recording": "none"}),
    ("GET", "/recordings/{recording}/thumbnail.jpg", {"recording": "none"}),
    ("GET", "/cameras/{name}/snapshot.jpg", {"name": "nowhere"}),
    ("GET", "/cameras/{name}/snapshot.jpg?width=7", {"name": "street"}),
    ("GET", "/cameras/{name}/live.mjpg?fps=0", {"name": "street"}),
]


@pytest.mark.parametrize(("method", "path", "names"), REQUESTS)
def test_every_answer_is_as_the_document_says(
    web: WebLine, document: dict[str, Any], method: str, path: str, names: dict[str, str]
) -> None:
    answer = web.ask(path.format(**names), method)
    check(document, path.partition("?")[0], method, answer)


def test_an_answer_with_a_wrong_field_would_be_found(
    web: WebLine, document: dict[str, Any]
) -> None:
    answer = web.ask(f"{API}/healthz")
    with pytest.raises(Exception, match="is not of type"):
        check(document, f"{API}/healthz", "GET", answer._replace(body=b'{"status": 7}'))


def test_the_document_is_one_of_openapi_and_names_every_path(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {path.partition("?")[0] for _, path, _ in REQUESTS}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    numbers = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(set(numbers)) == len(numbers)


def test_cameras_have_their_state_rates_and_ages(web: WebLine) -> None:
    def measured() -> bool:
        return web.ask(f"{API}/cameras").json()["cameras"][0]["published_fps"] is not None

    wait_until(measured, "there are rates")
    street, yard = web.ask(f"{API}/cameras").json()["cameras"]
    assert (street["name"], street["state"], street["width"], street["height"]) == (
        "street", "live", 64, 48,
    )  # fmt: skip
    assert street["published"] > 0
    assert street["captured"] >= street["published"]
    assert 0 < street["age_p50_ms"] <= street["age_p99_ms"]
    assert street["published_fps"] > 0
    assert (yard["name"], yard["state"], yard["published"]) == ("yard", "connecting", 0)
    assert yard["age_p50_ms"] is yard["result_age_ms"] is None
    wait_until(
        lambda: "refused" in web.ask(f"{API}/cameras").json()["cameras"][1]["why"],
        "the reason is told",
    )


def test_the_status_has_every_process(web: WebLine) -> None:
    status = web.ask(f"{API}/status").json()
    by_name = {process["name"]: process for process in status["processes"]}
    assert tuple(by_name) == web.line.processes
    assert by_name["web"]["pid"] == web.line.pid("web")
    assert by_name["web"]["restarts"] == 0
    assert by_name["publish"]["frames"] > 0
    assert all(process["memory_mib"] > 1 for process in by_name.values())


def test_the_model_tells_what_it_is(web: WebLine) -> None:
    card = web.ask(f"{API}/model").json()
    assert (card["file"], card["name"]) == ("tiny.onnx", read_model_metadata(TINY_MODEL).name)
    assert card["sha256"] == hashlib.sha256(TINY_MODEL.read_bytes()).hexdigest()
    assert card["labels"] == list(read_model_metadata(TINY_MODEL).labels)


def test_detections_are_the_last_message(web: WebLine) -> None:
    message = web.ask(f"{API}/cameras/street/detections").json()
    assert (message["type"], message["camera"], message["status"]) == ("detections", "street", "ok")
    assert len(message["detections"]) == 2
    later = web.ask(f"{API}/cameras/street/detections").json()
    assert later["seq"] >= message["seq"]


def test_a_line_with_a_camera_that_is_away_is_not_ready_and_says_why(web: WebLine) -> None:
    answer = web.ask(f"{API}/readyz")
    assert answer.status == 503
    street, yard = answer.json()["cameras"]
    assert street == {"name": "street", "ready": True, "why": "live"}
    assert not yard["ready"]
    assert yard["why"].startswith("connecting")
    assert web.ask(f"{API}/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", f"{API}/cameras/x/detections", 404),
     ("DELETE", f"{API}/cameras", 405), ("GET", f"{API}/ticket", 405),
     ("GET", "/assets/../service.py", 404), ("GET", "/assets/..%2fservice.py", 404)],
)  # fmt: skip
def test_errors_are_problems(web: WebLine, method: str, path: str, status: int) -> None:
    answer = web.ask(path, method)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_every_answer_has_the_headers_that_keep_strangers_out(web: WebLine) -> None:
    for path in (
        "/",
        "/assets/app.js",
        f"{API}/cameras",
        "/nothing",
        "/cameras/street/snapshot.jpg",
    ):
        headers = web.ask(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS, path
        assert headers["Set-Cookie"] is None
        assert headers["Server"] is None
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_the_password_of_a_camera_is_in_no_answer(web: WebLine) -> None:
    for method, path, names in REQUESTS:
        answer = web.ask(path.format(**names), method)
        assert SECRET.encode() not in answer.body
        assert SECRET not in str(answer.headers)
    with web.stream("?kinds=status") as stream:
        texts = [str(stream.recv(10)) for _ in range(2)]
    assert any('"yard"' in text for text in texts)
    assert not any(SECRET in text for text in texts)
    assert SECRET not in web.line.stderr


def test_the_page_comes_packed_to_whoever_unpacks_it(web: WebLine) -> None:
    for name, content in read_assets().items():
        packed = web.ask(f"/assets/{name}", headers={"Accept-Encoding": "gzip, br"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.body) == web.ask(f"/assets/{name}").body == content
