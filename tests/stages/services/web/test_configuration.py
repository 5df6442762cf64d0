"""The configuration of a real line over HTTP: read, planned, changed, written; and by whom."""

import http.client
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stages.services.web.bodies import MOST_BYTES
from stages.services.web.tokens import load_tokens
from tests.clips import make_clip
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.web.web_line import ABSENT, SECRET, Answer, WebLine

CONFIG = "/api/v1/config"
ZONES = "/api/v1/cameras/street/zones"
AREA = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
WAY = {"from": [0.2, 0.5], "to": [0.8, 0.5]}


class Changed(WebLine):
    """A line that asks for tokens, and its configuration file."""

    def __init__(self, folder: Path) -> None:
        clip = make_clip(folder / "clip.avi", 32)
        self.file = folder / "line.yaml"
        self.file.write_text(
            "# Two cameras.\nsources:\n"
            f"  - {{name: street, uri: {clip}, loop: true, realtime: true, track: true}}"
            "  # a clip\n"
            f"  - name: yard\n    uri: {ABSENT}\n"
        )
        self.tokens = folder / "token"
        super().__init__(folder / "line", [], file=self.file, token_file=str(self.tokens))

    def send(
        self, method: str, path: str, content: Any = None, *, token: str = "write",
        media: str = "application/json", **headers: str,
    ) -> Answer:  # fmt: skip
        """With a token; the revision in force is the one that is read just before, by default."""
        body = content if isinstance(content, (bytes, type(None))) else msgspec.json.encode(content)
        given = self.bearer(token)
        given |= {"Content-Type": media} if body is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(path, method, given, body)

    def bearer(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {getattr(load_tokens(self.tokens), token)}"}

    def put(self, content: Any, path: str = ZONES, **options: Any) -> Answer:
        return self.send("PUT", path, content, **{"If_Match": "*", **options})

    def zones(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.send("GET", ZONES).json()
        return found

    def written(self) -> Any:
        return yaml.safe_load(self.file.read_text())["sources"][0]


@pytest.fixture(scope="module")
def web(folder: Path, default_hang_up: None) -> Iterator[Changed]:
    with Changed(folder) as web:
        web.wait()
        yield web


def test_zones_are_drawn_and_in_force_and_written(web: Changed) -> None:
    pids = {name: web.line.pid(name) for name in web.line.processes}
    read = web.send("GET", ZONES, token="read")
    assert read.status == 200
    etag = read.headers["ETag"]
    planned = web.put({"zones": {"door": {"polygon": AREA}}}, f"{ZONES}?plan=1", If_Match=etag)
    assert planned.json()["applied"] is False
    assert web.send("GET", ZONES).headers["ETag"] == etag
    done = web.put({"zones": {"door": {"polygon": AREA}}, "lines": {"road": WAY}}, If_Match=etag)
    assert done.status == 200, done.body
    assert done.json()["saved"] is True
    assert done.json()["processes"] == ["track"]
    assert web.zones()["zones"]["door"]["labels"] == []
    assert done.headers["ETag"] == web.send("GET", ZONES).headers["ETag"] != etag
    assert web.written()["zones"] == {"door": {"polygon": AREA}}
    assert "  # a clip\n" in web.file.read_text()
    wait_until(lambda: "configuration: in force in track" in web.line.stderr, "it is in force")
    assert web.put({"lines": {}}, If_Match=etag).status == 412
    one = web.put({"polygon": AREA, "dwell_s": 5}, f"{ZONES}/yard")
    assert [each["key"] for each in one.json()["changes"]] == ["sources[0].zones.yard"]
    assert web.put(WAY, "/api/v1/cameras/street/lines/way").status == 200
    assert web.zones()["lines"].keys() == {"road", "way"}
    gone = web.send("DELETE", f"{ZONES}/door", If_Match="*")
    assert gone.status == 200
    assert web.send("DELETE", f"{ZONES}/door", If_Match="*").status == 404
    assert web.written()["zones"].keys() == {"yard"}
    assert {name: web.line.pid(name) for name in web.line.processes} == pids


def test_a_camera_is_switched_off_and_on(web: Changed) -> None:
    switches = "/api/v1/cameras/street/switches"
    assert web.send("GET", switches, token="read").json() == {"detect": True, "record": True}
    done = web.send("PUT", switches, {"detect": False})
    assert done.status == 200, done.body
    assert done.json()["saved"]
    assert web.written()["detect"] is False

    def status() -> str:
        found: str = web.ask("/api/v1/cameras/street/detections",
                             headers=web.bearer("read")).json()["status"]  # fmt: skip
        return found

    wait_until(lambda: status() == "idle", "nobody looks")
    assert web.send("PUT", switches, {"detect": True}, If_Match='"old"').status == 412
    assert web.send("PUT", switches, {"detect": True}, token="read").status == 403
    assert web.send("PUT", "/api/v1/cameras/nobody/switches", {"detect": True}).status == 404
    etag = web.send("GET", switches).headers["ETag"]
    assert web.send("PUT", switches, {"detect": True}, If_Match=etag).status == 200
    wait_until(lambda: status() == "ok", "it is looked at again")


def test_hang_up_and_http_change_the_same_configuration(web: Changed) -> None:
    web.file.write_text(web.file.read_text() + "track: {lost_s: 7}\n")
    refused = web.put({"zones": {}})
    assert refused.status == 409
    assert "changed by hand" in refused.json()["detail"]
    web.line.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "configuration: track.lost_s: 2 -> 7" in web.line.stderr, "it is read")
    assert web.put({"zones": {"late": {"polygon": AREA}}}).json()["saved"]
    assert "track: {lost_s: 7}\n" in web.file.read_text()
    before = web.line.stderr.count("nothing has changed")
    web.line.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: web.line.stderr.count("nothing has changed") > before, "the file says the same"
    )
    assert web.zones()["zones"].keys() == {"late"}


def test_the_configuration_is_shown_without_the_password_and_goes_round(web: Changed) -> None:
    read = web.send("GET", CONFIG, token="read")
    assert SECRET not in read.body.decode()
    content = read.json()["configuration"]
    assert content["sources"][1]["uri"] == "rtsp://***@127.0.0.1:1/stream"
    etag = read.headers["ETag"]
    content["track"]["confirm_s"] = 0.3
    done = web.send("POST", f"{CONFIG}/apply", content, If_Match=etag)
    assert [each["key"] for each in done.json()["changes"]] == ["track.confirm_s"]
    assert ABSENT in web.file.read_text()
    assert web.send("POST", f"{CONFIG}/apply", content, If_Match=etag).status == 412


def test_a_configuration_is_checked_and_planned(web: Changed) -> None:
    patch, yaml_type = "application/merge-patch+json", "application/yaml"
    wrong = web.send("POST", f"{CONFIG}/check", {"trakc": {}}, media=patch, token="read")
    assert wrong.status == 422
    assert wrong.headers["Content-Type"] == "application/problem+json"
    assert wrong.json()["errors"] == [
        {"key": "trakc", "detail": "unknown key 'trakc': did you mean 'track'?"}
    ]
    text = web.file.read_bytes()
    assert web.send("POST", f"{CONFIG}/check", text, media=yaml_type).json() == {"valid": True}
    plan = web.send("POST", f"{CONFIG}/plan", {"ring": {"slots": 9}}, media=patch, token="read")
    (change,) = plan.json()["changes"]
    assert (change["key"], change["kind"]) == ("ring.slots", "start again")
    cold = web.send("POST", f"{CONFIG}/apply", {"ring": {"slots": 9}}, media=patch, If_Match="*")
    assert cold.status == 409
    assert cold.json()["errors"][0]["key"] == "ring.slots"


def test_cameras_come_and_go_one_by_one(web: Changed) -> None:
    """The others go on; a film of one that has left ends."""
    cameras = "/api/v1/cameras"
    pids = {name: web.line.pid(name) for name in ("capture.street", "track", "web")}
    clip = web.written()["uri"]
    new = {"name": "door", "uri": clip, "loop": True, "realtime": True}
    assert web.send("POST", f"{cameras}?plan=1", new).json()["applied"] is False
    added = web.send("POST", cameras, new)
    assert (added.status, added.headers["Location"]) == (201, f"{cameras}/door")
    assert added.json()["changes"][0]["kind"] == "camera added"
    assert web.send("POST", cameras, new).status == 409
    assert web.send("POST", cameras, {"name": "a b", "uri": clip}).status == 422
    assert web.send("POST", cameras, new, token="read").status == 403
    wait_until(lambda: bool(web.send("GET", f"{cameras}/door").json()["published"]), "it is live")
    token = load_tokens(web.tokens).read
    looking = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE_S)
    looking.request("GET", "/cameras/door/live.mjpg", headers={"Authorization": f"Bearer {token}"})
    film = looking.getresponse()
    assert film.status == 200
    assert film.read(1)
    assert web.send("DELETE", f"{cameras}/door").status == 428
    gone = web.send("DELETE", f"{cameras}/door", If_Match="*")
    assert gone.json()["changes"][0]["kind"] == "camera removed"
    # While it is still on its way out, the next change waits.
    assert web.send("POST", cameras, {**new, "name": "hall"}).status == 201
    assert film.read(), "it ends"
    looking.close()
    assert web.send("GET", f"{cameras}/door").status == 404
    names = [each["name"] for each in yaml.safe_load(web.file.read_text())["sources"]]
    assert names == ["street", "yard", "hall"]
    assert web.send("DELETE", f"{cameras}/hall", If_Match="*").status == 200
    assert {name: web.line.pid(name) for name in pids} == pids


def test_options_of_the_service_start_it_again_and_nothing_else(web: Changed) -> None:
    pids = {name: web.line.pid(name) for name in ("capture.street", "track", "web")}
    patch = "application/merge-patch+json"
    assert web.ask("/api/v1/healthz", headers={"Host": "board.lan"}).status == 421
    wanted = {"web": {"hosts": ["board.lan"]}}
    done = web.send("POST", f"{CONFIG}/apply", wanted, media=patch, If_Match="*")
    assert (done.status, done.json()["processes"]) == (200, ["web"])
    wait_until(lambda: web.line.children().get("web") not in (None, pids["web"]), "a new process")
    web.wait()
    assert web.ask("/api/v1/healthz", headers={"Host": "board.lan"}).status == 200
    for name in ("capture.street", "track"):
        assert web.line.pid(name) == pids[name]


def test_the_token_to_read_changes_nothing(web: Changed) -> None:
    before = web.file.read_text()
    for method, path in (("PUT", ZONES), ("PUT", f"{ZONES}/a"), ("DELETE", f"{ZONES}/a"),
                         ("POST", f"{CONFIG}/apply")):  # fmt: skip
        answer = web.send(method, path, {"zones": {}}, token="read", If_Match="*")
        assert answer.status == 403, (method, path)
        assert web.ask(path, method).status == 401
        foreign = web.send(method, path, {}, If_Match="*", Origin="http://evil.example")
        assert foreign.status == 403
    assert web.file.read_text() == before


@pytest.mark.parametrize(
    ("content", "options", "status"),
    [
        ({"zones": {}}, {"If_Match": ""}, 428),
        ({"zones": {}}, {"If_Match": "abc"}, 400),
        ({"zones": {}}, {"If_Match": '"abc", W/"def"'}, 412),
        ({"zones": {}}, {"path": f"{ZONES}?save=2"}, 400),
        ({"zones": {}}, {"path": "/api/v1/cameras/nowhere/zones"}, 404),
        ({"zones": {}}, {"media": "text/plain"}, 415),
        (b"{", {}, 400),
        (b"x" * (MOST_BYTES + 1), {}, 413),
        ({"zones": {"a": {"polygon": []}}}, {}, 422),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    web: Changed, content: Any, options: dict[str, Any], status: int
) -> None:
    answer = web.put(content, **options)
    assert answer.status == status
    assert answer.json()["status"] == status


def test_a_line_that_does_not_answer_costs_the_asker_only(
    web: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor is stopped; the service goes on."""
    web.line.process.send_signal(signal.SIGSTOP)
    try:
        headers = f"Authorization: Bearer {load_tokens(web.tokens).read}\r\nHost: {web.host}\r\n"
        with socket.create_connection(("127.0.0.1", web.port), timeout=60) as asker:
            asker.sendall(f"GET {ZONES} HTTP/1.1\r\n{headers}\r\n".encode())
            assert web.ask("/api/v1/healthz").status == 200
            assert web.send("GET", "/api/v1/cameras").status == 200
    finally:
        web.line.process.send_signal(signal.SIGCONT)
    assert web.zones()["zones"] is not None
    web.line.wait_for_more(3)
