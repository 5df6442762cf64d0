"""Who may look: strangers' pages, wrong tokens, tickets; and what the start refuses."""

import json
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from stages.services.web.tokens import load_tokens
from tests.clips import make_clip
from tests.conftest import Refuse
from tests.ports import free_port
from tests.running_line import PATIENCE_S
from tests.stages.services.web.web_line import WebLine

CAMERAS = "/api/v1/cameras"
SNAPSHOT = "/cameras/street/snapshot.jpg"


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    """A line that asks for a token."""
    clip = make_clip(folder / "clip.avi", 32)
    source: dict[str, object] = {
        "name": "street", "uri": str(clip), "loop": True, "realtime": True,
    }  # fmt: skip
    with WebLine(
        folder / "line", [source], token_file=str(folder / "token"), hosts=["board.lan"]
    ) as web:
        web.wait()
        yield web


@pytest.fixture
def bearer(web: WebLine, folder: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {load_tokens(folder / 'token').read}"}


def test_the_page_and_its_health_are_public_and_nothing_else_is(
    web: WebLine, bearer: dict[str, str]
) -> None:
    assert web.ask("/").status == web.ask("/assets/app.js").status == 200
    assert web.ask("/api/v1/healthz").status == 200
    others = ("/cameras/street/live.mjpg", "/nothing", "/assets", "/api/v1/healthz/")
    own = ("/api/v1/status", "/api/v1/readyz", "/api/v1/openapi.json", "/metrics")
    for path in (CAMERAS, SNAPSHOT, *own, *others):
        answer = web.ask(path)
        assert answer.status == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert web.ask(CAMERAS, headers=bearer).status == 200


def test_the_file_of_tokens_was_made_and_is_named_in_the_log(web: WebLine, folder: Path) -> None:
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    tokens = load_tokens(folder / "token")
    assert f"with the token in {folder / 'token'}" in web.line.stderr
    assert tokens.read not in web.line.stderr
    assert tokens.write not in web.line.stderr


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer x", "Basic {read}", "Bearer {read}x", "{read}", "bearer  {half}"],
)
def test_a_wrong_token_is_refused(web: WebLine, folder: Path, value: str) -> None:
    read = load_tokens(folder / "token").read
    given = value.format(read=read, half=read[:20])
    assert web.ask(CAMERAS, headers={"Authorization": given}).status == 401


def test_a_token_in_the_address_is_refused(web: WebLine, folder: Path) -> None:
    read = load_tokens(folder / "token").read
    assert web.ask(f"{CAMERAS}?token={read}").status == 401
    assert web.ask(f"{SNAPSHOT}?ticket={read}").status == 401


def test_a_ticket_lets_look_at_pictures_only(web: WebLine, bearer: dict[str, str]) -> None:
    ticket = web.ask("/api/v1/ticket", "POST", bearer).json()["ticket"]
    assert web.ask(f"{SNAPSHOT}?ticket={ticket}").status == 200
    assert web.ask(f"{SNAPSHOT}?ticket={ticket[:-1]}").status == 401
    assert web.ask(f"{CAMERAS}?ticket={ticket}").status == 401
    assert web.ask("/api/v1/ticket", "POST").status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5580", "board.lan.evil.example", ""]
)
def test_a_name_that_is_not_of_this_machine_is_refused(
    web: WebLine, bearer: dict[str, str], host: str
) -> None:
    for path in ("/", CAMERAS, "/api/v1/healthz"):
        assert web.ask(path, headers={**bearer, "Host": host}).status == 421
    assert web.ask(CAMERAS, headers={**bearer, "Host": "board.lan"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
     {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_a_page_of_another_site_is_refused(
    web: WebLine, bearer: dict[str, str], headers: dict[str, str]
) -> None:
    for path in (CAMERAS, SNAPSHOT, "/", "/assets/app.js"):
        assert web.ask(path, headers={**bearer, **headers}).status == 403, path
    own = {"Origin": f"http://{web.host}", "Sec-Fetch-Site": "same-origin"}
    assert web.ask(CAMERAS, headers={**bearer, **own}).status == 200


def test_a_link_from_another_site_leads_to_the_page_and_no_further(
    web: WebLine, bearer: dict[str, str]
) -> None:
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert web.ask("/", headers=visit).status == 200
    assert web.ask(SNAPSHOT, headers={**bearer, **visit}).status == 403


def refusal(web: WebLine, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as refused, web.stream(**options):
        pass
    return refused.value.response.status_code


def test_a_stream_needs_the_token_and_a_page_of_this_site(web: WebLine, folder: Path) -> None:
    read = load_tokens(folder / "token").read
    own = ["thunderline.v1", f"bearer.{read}"]
    assert refusal(web) == 401
    assert refusal(web, subprotocols=["thunderline.v1", "bearer.wrong"]) == 401
    assert refusal(web, subprotocols=own, origin="http://evil.example") == 403
    with web.stream(subprotocols=own, origin=f"http://{web.host}") as stream:
        assert stream.subprotocol == "thunderline.v1"
        assert json.loads(stream.recv(PATIENCE_S))["camera"] == "street"
    headers = {"Authorization": f"Bearer {read}"}
    with web.stream(additional_headers=headers) as stream:
        assert json.loads(stream.recv(PATIENCE_S))["camera"] == "street"


def test_requests_that_are_none_end_their_connection(web: WebLine) -> None:
    for text in (b"\x16\x03\x01\x02\x00", b"GET /\r\n\r\n", b"GET /" + b"a" * 70_000):
        with socket.create_connection(("127.0.0.1", web.port), timeout=PATIENCE_S) as client:
            client.sendall(text)
            received = b""
            while chunk := client.recv(65536):
                received += chunk
        assert received == b"" or received.startswith(b"HTTP/1.1 400 ")
    assert web.ask("/api/v1/healthz").status == 200


SCENE = ("--source", "scene://street")


def test_a_network_without_a_token_file_is_refused(refuse: Refuse) -> None:
    said = refuse(*SCENE, "--check", "--set", "web={listen: '0.0.0.0:5580'}")
    assert said.startswith(
        "web.token_file: expected a file where web.listen is not of this machine"
    )


def test_a_port_that_is_taken_is_said_by_check(refuse: Refuse, short_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        host, port = taken.getsockname()
        said = refuse(*SCENE, "--check", "--set", f"publish.endpoint=ipc://{short_dir}/pub",
                      "--set", f"web={{listen: '{host}:{port}'}}")  # fmt: skip
    assert said == f"web.listen: {host}:{port}: expected a free port, another program listens there"


def test_a_key_without_a_certificate_is_refused(refuse: Refuse) -> None:
    assert "web.certificate" in refuse(*SCENE, "--set", "web={key: key.pem}")


def test_a_missing_extra_is_said_at_once(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "stages.services.web.address.find_spec", lambda name: None if name == "uvicorn" else name
    )
    said = refuse(*SCENE, "--set", "web={}")
    assert re.match(
        r"web: expected starlette, uvicorn, websockets, uvicorn not installed: pip ", said
    )
