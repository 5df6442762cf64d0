"""Which server a board tells, as it is written in the configuration."""

from pathlib import Path

import pytest

from pipeline.service import ServiceError
from stages.services.fleet.address import PASSWORD_VARIABLE, load_tls, parse_server, read_login
from stages.services.login import TlsFiles


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("leaf", "nats://leaf:4222"),
        ("leaf.lan:14222", "nats://leaf.lan:14222"),
        ("nats://10.0.0.1", "nats://10.0.0.1:4222"),
        ("tls://leaf.lan/", "tls://leaf.lan:4222"),
        ("tls://[fe80::1]:5", "tls://[fe80::1]:5"),
    ],
)
def test_addresses_are_read(text: str, shown: str) -> None:
    assert str(parse_server(text)) == shown


@pytest.mark.parametrize("text", ["", "http://leaf", "leaf:0", "leaf:99999", "a b", "nats://"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ServiceError, match=r"fleet\.server: expected HOST"):
        parse_server(text)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ServiceError, match=PASSWORD_VARIABLE) as caught:
        parse_server("nats://me:Geh31mnis@leaf")
    assert "Geh31mnis" not in str(caught.value)


def test_the_password_is_that_of_the_file_or_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "of the environment")
    (tmp_path / "password").write_text("of the file\n")
    assert read_login("board", None) == ("board", "of the environment")
    assert read_login("board", str(tmp_path / "password")) == ("board", "of the file")
    assert read_login(None, None) == (None, None)


def test_certificates_are_of_use_only_where_it_is_encrypted() -> None:
    assert load_tls(parse_server("leaf"), TlsFiles()) is None
    assert load_tls(parse_server("tls://leaf"), TlsFiles()) is not None
    with pytest.raises(ServiceError, match=r"fleet\.ca: expected fleet\.server with tls://, got"):
        load_tls(parse_server("leaf"), TlsFiles(ca="ca.pem"))
