"""Where the service listens, and under which names it may be asked for."""

import contextlib
import socket
import ssl
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.service import ServiceError
from stages.services.web.address import (
    Address,
    CertificateFiles,
    HostNames,
    bind,
    load_certificate,
    parse_listen,
)
from tests.ports import free_port


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5580", ("127.0.0.1", 5580)),
        ("[::1]:80", ("::1", 80)),
        ("board.lan:65535", ("board.lan", 65535)),
        ("*:5580", ("*", 5580)),
        (":5580", ("*", 5580)),
    ],
)
def test_addresses_have_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["5580", "127.0.0.1", "::1:5580", "board:0", "board:65536", "a b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match=r"web\.listen: expected HOST:PORT"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("*", False), ("192.168.1.2", False), ("board", False)],
)  # fmt: skip
def test_an_address_is_of_this_machine_only_or_not(host: str, is_loopback: bool) -> None:
    assert Address(host, 1).is_loopback is is_loopback


def test_a_port_that_is_taken_is_named() -> None:
    address = Address("127.0.0.1", free_port())
    said = f"127.0.0.1:{address.port}: expected a free port"
    with closing(bind(address)), pytest.raises(ServiceError, match=said):
        bind(address)
    bind(address).close()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ServiceError, match=r"web\.listen: 192\.0\.2\.1:5580: "):
        bind(Address("192.0.2.1", 5580))


def test_names_of_this_machine_and_figures_are_allowed() -> None:
    hosts = HostNames(Address("127.0.0.1", 5580), ["board.lan"])
    here = socket.gethostname()
    for host in ("localhost", "127.0.0.1:5580", "[::1]:5580", "192.168.1.2", "Board.LAN:443", here):
        assert hosts.allow(host), host
    others = ("evil.example", "board.lan.evil.example", "127.0.0.1.evil.example")
    for host in (*others, "a@b", "", "x y", "127.1", "localhost:99999999", "0x7f000001"):
        assert not hosts.allow(host), host


def make_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subprocess.run(
        [*words.split(), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-out", certificate, "-keyout", key],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def shown(context: ssl.SSLContext | None) -> bytes | None:
    """The certificate that somebody sees who connects now."""
    assert context is not None
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return client.getpeercert(binary_form=True)


def test_a_renewed_certificate_is_taken_and_half_of_one_is_not(
    tmp_path: Path, said: list[str]
) -> None:
    certificate, key = make_certificate(tmp_path)
    files = CertificateFiles(str(certificate), str(key))
    first = shown(files.context)
    (tmp_path / "new").mkdir()
    renewed, renewed_key = make_certificate(tmp_path / "new")
    renewed.replace(certificate)
    for _ in range(3):
        files.follow()
    assert shown(files.context) == first
    assert len(said) == 1
    assert said[0].endswith("; the certificate before stays in force")
    renewed_key.replace(key)
    files.follow()
    assert shown(files.context) == ssl.PEM_cert_to_DER_cert(certificate.read_text()) != first
    assert len(said) == 1
    CertificateFiles(None, None).follow()


def test_certificates_are_loaded_and_wrong_ones_refused(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    assert isinstance(load_certificate(str(certificate), str(key)), ssl.SSLContext)
    assert load_certificate(None, None) is None
    with pytest.raises(ServiceError, match=r"web\.key: expected a file that can be read"):
        load_certificate(str(certificate), str(tmp_path / "nothing"))
    with pytest.raises(ServiceError, match=r"web\.certificate: expected a file that can be read"):
        load_certificate("a\0b", str(key))
    with pytest.raises(ServiceError, match="expected a certificate and its key in PEM"):
        load_certificate(str(certificate), None)
    key.write_text("no key")
    with pytest.raises(ServiceError, match="expected a certificate and its key in PEM"):
        load_certificate(str(certificate), str(key))


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    words = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", str(key), "-out", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(ServiceError, match="expected a certificate and its key in PEM"):
        load_certificate(str(certificate), str(key))
