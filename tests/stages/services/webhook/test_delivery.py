"""One request to servers that are slow, broken, strange or not to be trusted."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from stages.services.trust import trust
from stages.services.webhook.delivery import Reply, judge, parse_retry_after, parse_url, post
from stages.services.webhook.request import json_body
from tests.ports import free_port
from tests.stages.services.web.test_address import make_certificate
from tests.stages.services.webhook.receiver import Answer, Receiver, Script, always

BODY = json_body({"a": 1})
LONG_S = 60.0


def send(url: str, timeout_s: float = LONG_S, tls: ssl.SSLContext | None = None) -> Reply:
    return post(parse_url(url), BODY, {"X-Own": "yes"}, timeout_s, tls)


def test_a_server_gets_what_was_to_be_sent() -> None:
    with Receiver() as receiver:
        assert send(receiver.url) == Reply(True)
        (request,) = receiver.taken
        assert (request.path, request.body) == ("/hook?token=S3cretT0ken", b'{"a":1}')
        assert request.headers["x-own"] == "yes"


@pytest.mark.parametrize(
    ("answer", "again", "why"),
    [
        (Answer(503), True, "answered 503 (Service Unavailable)"),
        (Answer(429, {"Retry-After": "7"}), True, "answered 429 (Too Many Requests)"),
        (Answer(410), False, "answered 410 (Gone)"),
        (Answer(400), False, "answered 400 (Bad Request)"),
        (Answer(799), True, "answered 799"),
        (Answer(cut=True), True, "broke off, or sent no HTTP (RemoteDisconnected)"),
    ],
)
def test_what_a_server_answers_is_told(answer: Answer, again: bool, why: str) -> None:
    with Receiver(always(answer)) as receiver:
        reply = send(receiver.url)
        assert (reply.taken, reply.again, reply.why) == (False, again, why)
        assert reply.retry_after_s == (7 if answer.status == 429 else 0)


@pytest.mark.parametrize("script", [always(Answer(silent=True)), always(Answer(trickling=True))])
def test_a_request_ends_whatever_the_server_does(script: Script) -> None:
    with Receiver(script) as receiver:
        reply = send(receiver.url, 0.5)
        assert (reply.taken, reply.again) == (False, True)
        assert reply.why == "did not answer within 0.5 s"


def test_a_redirect_is_not_followed() -> None:
    with Receiver() as other, Receiver(always(Answer(307, {"Location": other.url}))) as receiver:
        reply = send(receiver.url)
        assert not reply.again
        assert "redirects are not followed" in reply.why
        assert other.received == []


def test_nobody_there_is_tried_again() -> None:
    reply = send(f"http://127.0.0.1:{free_port()}/S3cretT0ken")
    assert reply.again
    assert reply.why == "Connection refused"


def test_what_is_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        reply = send(f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()
    assert reply.again
    assert reply.why == "broke off, or sent no HTTP (BadStatusLine)"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Receiver() as receiver:
        receiver.encrypt(context)
        url = f"https://localhost:{receiver.port}/"
        reply = send(url, tls=trust(None))
        assert "has a certificate that is not trusted" in reply.why
        assert receiver.received == []
        assert send(url, tls=trust(str(certificate))) == Reply(True)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "https://", "https://user:S3cret@x/", "https://x/S3cret x", "https://x:99999/S3cret",
     "https://[::1/S3cret", "https://x/S3crét"],
)  # fmt: skip
def test_a_wrong_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse_url(url)
    assert "S3cr" not in str(caught.value)


def test_ports_and_paths_are_found() -> None:
    assert parse_url("https://x.org") == (True, "x.org", 443, "/")
    assert parse_url("http://[::1]:8080/a?b=c") == (False, "::1", 8080, "/a?b=c")


def test_a_server_says_when_to_come_again() -> None:
    now = datetime.now(UTC)
    assert parse_retry_after("120") == 120
    assert 50 < parse_retry_after(format_datetime(now + timedelta(seconds=60), usegmt=True)) <= 60
    assert parse_retry_after(format_datetime(now - timedelta(days=1), usegmt=True)) == 0
    assert parse_retry_after("99999999999999999999") == 3600
    for text in (None, "", "soon", "-5", "1.5", "²"):
        assert parse_retry_after(text) == 0
    assert judge(503, "9").retry_after_s == 9
