"""One request and its answer, and what is said where none comes.

Servers that trickle, flood or refuse are in tests/stages/readers/onvif/test_device.py.
"""

import socket
import time
from urllib.parse import urlsplit

import pytest

from pipeline.source import SourceError
from stages.readers.http.exchange import exchange, target_of
from tests.running_line import PATIENCE_S
from tests.stages.readers.http.server import WebServer, serving


def test_an_answer_comes_with_the_moments_around_it() -> None:
    before_s = time.time()
    with serving(WebServer(others={"X-Kind": "camera"})) as server:
        url = server.page._replace(path="/a", query="b=1")
        answer = exchange(url, "POST", PATIENCE_S, headers={"X-Asks": "1"}, content=b"ask")
    assert (answer.status, answer.content) == (404, b"")
    assert answer.headers["x-kind"] == "camera"
    assert before_s <= answer.asked_s <= answer.answered_s <= time.time()
    assert server.requests == [("POST", "/a?b=1", "")]


def test_user_name_and_password_are_not_sent() -> None:
    with serving(WebServer()) as server:
        port = server.page.port
        exchange(urlsplit(f"http://me:S3cret@127.0.0.1:{port}/"), "HEAD", PATIENCE_S)
    assert server.requests == [("HEAD", "/", "")]


def test_what_answers_no_http_is_told_without_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()
        url = urlsplit(f"http://me:S3cret@127.0.0.1:{server.getsockname()[1]}/")
        with pytest.raises(SourceError, match=r"^127.0.0.1: no answer within 0.2 s$"):
            exchange(url, "HEAD", 0.2)


def test_the_front_page_is_what_is_asked_for_without_a_path() -> None:
    assert target_of(urlsplit("http://host")) == "/"
    assert target_of(urlsplit("http://host/a?b")) == "/a?b"
