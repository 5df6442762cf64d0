"""With certificates: the page, REST and both WebSockets, encrypted for all who look."""

import base64
import hashlib
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from stages.services.web.tokens import Tokens, load_tokens
from tests.browser import COMMAND, Browser
from tests.running_line import PATIENCE_S, wait_until
from tests.stages.services.web.test_address import make_certificate
from tests.stages.services.web.test_video import film_source, read_film
from tests.stages.services.web.web_line import WebLine


class Encrypted(WebLine):
    """A line that serves a network, and whom its viewers trust."""

    def __init__(self, folder: Path) -> None:
        self.certificate, key = make_certificate(folder)
        super().__init__(
            folder / "line", [film_source(folder)], token_file=str(folder / "token"),
            certificate=str(self.certificate), key=str(key),
        )  # fmt: skip
        self.trust = ssl.create_default_context(cafile=str(self.certificate))
        wait_until(lambda: "look at https://" in self.line.stderr, "the service listens")
        self.tokens: Tokens = load_tokens(folder / "token")

    @property
    def key_pin(self) -> str:
        """Of the certificate, as Chromium names those that it is to trust."""
        words = ("openssl", "x509", "-in", str(self.certificate), "-pubkey", "-noout")
        pem = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        der = ssl.PEM_cert_to_DER_cert(pem.replace("PUBLIC KEY", "CERTIFICATE"))
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[Encrypted]:
    with Encrypted(folder) as web:
        yield web


def watch(web: Encrypted, path: str, trust: ssl.SSLContext) -> ClientConnection:
    return connect(
        f"wss://localhost:{web.port}{path}", ssl=trust, open_timeout=PATIENCE_S,
        additional_headers={"Authorization": f"Bearer {web.tokens.read}"}, max_size=None,
    )  # fmt: skip


def test_answers_come_to_who_trusts_the_certificate(web: Encrypted) -> None:
    request = urllib.request.Request(f"https://localhost:{web.port}/api/v1/cameras")
    request.add_header("Authorization", f"Bearer {web.tokens.read}")
    with urllib.request.urlopen(request, timeout=PATIENCE_S, context=web.trust) as answer:
        assert b'"street"' in answer.read()
    stranger = ssl.create_default_context()
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(request, timeout=PATIENCE_S, context=stranger)


def test_messages_and_video_come_over_encrypted_websockets(web: Encrypted) -> None:
    with watch(web, "/api/v1/stream?kinds=detections", web.trust) as socket:
        first, second = (json.loads(socket.recv(PATIENCE_S)) for _ in range(2))
    assert first["camera"] == second["camera"] == "street"
    assert second["seq"] > first["seq"]
    with watch(web, "/api/v1/cameras/street/video", web.trust) as socket:
        head, _ = read_film(socket, 30)
    assert head["media_type"].startswith("video/mp4")
    with pytest.raises(ssl.SSLCertVerificationError):
        watch(web, "/api/v1/stream", ssl.create_default_context())


@pytest.mark.skipif(COMMAND is None, reason="no Chromium")
def test_a_browser_plays_video_with_its_results(web: Encrypted) -> None:
    """From a page over TLS, nothing else may be asked: browsers refuse what is not encrypted."""
    with Browser(f"--ignore-certificate-errors-spki-list={web.key_pin}") as page:
        page.visit(f"https://localhost:{web.port}/#token={web.tokens.read}")
        stage = "document.querySelector('.picture')"
        page.wait_for(f"{stage}.classList.contains('film')", "the video plays")
        for _ in range(3):
            held = page.evaluate(f"{stage}.dataset.frame")
            page.wait_for(
                f"{stage}.dataset.frame && {stage}.dataset.frame != {held!r}", "the next result"
            )
        assert page.evaluate(f"{stage}.querySelector('video').videoWidth") == 320
        assert [text for text in page.complaints if "status of 404" not in text] == []
