"""Addresses, passwords and certificates: what is wrong is one error, before anything is sent."""

import subprocess
from pathlib import Path

import pytest

from pipeline.redact import redact
from pipeline.service import ServiceError
from stages.services.mqtt.broker import PASSWORD_VARIABLE, load_tls, parse_broker, read_login
from tests.running_line import wait_until
from tests.stages.services.hand_made_line import Line
from tests.stages.services.mqtt.broker import running_broker
from tests.stages.services.mqtt.serving import Subscriber, make_options, serving


@pytest.mark.parametrize(
    ("text", "host", "port", "is_encrypted"),
    [
        ("broker", "broker", 1883, False),
        ("192.168.1.5:1884", "192.168.1.5", 1884, False),
        ("mqtt://broker.lan", "broker.lan", 1883, False),
        ("mqtts://broker.lan", "broker.lan", 8883, True),
        ("mqtts://[fd00::1]:8884/", "fd00::1", 8884, True),
    ],
)
def test_an_address(text: str, host: str, port: int, is_encrypted: bool) -> None:
    assert parse_broker(text)[:3] == (host, port, is_encrypted)
    assert parse_broker(str(parse_broker(text))) == parse_broker(text)


@pytest.mark.parametrize(
    "text", ["", "http://broker", "broker:0", "broker:99999", "bro ker", "::1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match=r"^mqtt\.broker: expected HOST") as refused:
        parse_broker(text)
    assert redact(str(refused.value)) == str(refused.value)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ServiceError, match="without user and password") as refused:
        parse_broker("mqtt://line:Geh31mnis@broker")
    assert "Geh31mnis" not in str(refused.value)
    assert redact(str(refused.value)) == str(refused.value), "what hides passwords finds none"


def test_a_password_comes_from_a_file_or_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "password"
    path.write_text("of the file\n")
    assert read_login("line", None) == ("line", None)
    monkeypatch.setenv(PASSWORD_VARIABLE, "of the environment")
    assert read_login("line", None) == ("line", "of the environment")
    assert read_login("line", str(path)) == ("line", "of the file")
    assert read_login(None, None) == (None, None)


def test_what_is_wrong_with_a_password_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"^mqtt\.password_file: .*No such file"):
        read_login("line", str(tmp_path / "absent"))
    (tmp_path / "password").write_text("x")
    with pytest.raises(ServiceError, match=r"^mqtt\.user: expected a name"):
        read_login(None, str(tmp_path / "password"))


def test_certificates_are_for_encrypted_connections(tmp_path: Path) -> None:
    plain, encrypted = parse_broker("broker"), parse_broker("mqtts://broker")
    assert load_tls(plain, None, None, None) is None
    assert load_tls(encrypted, None, None, None) is not None
    with pytest.raises(ServiceError, match=r"^mqtt\.ca: expected mqtt\.broker with mqtts"):
        load_tls(plain, "ca.pem", None, None)
    with pytest.raises(ServiceError, match=r"^mqtt\.ca: expected a file that can be read"):
        load_tls(encrypted, str(tmp_path / "absent"), None, None)
    with pytest.raises(ServiceError, match=r"^mqtt\.certificate: expected a file where"):
        load_tls(encrypted, None, None, "key.pem")
    (tmp_path / "text").write_text("no certificate")
    with pytest.raises(ServiceError, match="expected certificates in PEM"):
        load_tls(encrypted, str(tmp_path / "text"), None, None)


def make_certificate(folder: Path, name: str, host: str) -> tuple[Path, Path]:
    """Signed by itself, for this host."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}_key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={host}",
         "-out", str(certificate), "-keyout", str(key)],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_a_connection_is_encrypted_and_both_ends_show_themselves(
    tmp_path: Path, line: Line
) -> None:
    server, server_key = make_certificate(tmp_path, "broker", "IP:127.0.0.1")
    mine, my_key = make_certificate(tmp_path, "line", "DNS:line")
    settings = (
        f"cafile {mine}", f"certfile {server}", f"keyfile {server_key}",
        "require_certificate true", "use_identity_as_username true",
    )  # fmt: skip
    with running_broker(tmp_path / "broker", *settings) as broker:
        options = make_options(
            tmp_path, broker.port, broker=f"mqtts://127.0.0.1:{broker.port}", ca=str(server),
            certificate=str(mine), key=str(my_key),
        )  # fmt: skip
        subscriber = Subscriber(broker.port, tls=(server, mine, my_key))
        with serving(line.run_dir, options):
            line.happen(2)
            subscriber.wait_for_events(2)
        subscriber.close()


def test_a_broker_with_the_certificate_of_another_host_is_told_nothing(
    tmp_path: Path, line: Line, said: list[str]
) -> None:
    server, server_key = make_certificate(tmp_path, "broker", "DNS:broker.lan")
    with running_broker(
        tmp_path / "broker", f"certfile {server}", f"keyfile {server_key}"
    ) as broker:
        address = f"mqtts://127.0.0.1:{broker.port}"
        options = make_options(tmp_path, broker.port, broker=address, ca=str(server))
        with serving(line.run_dir, options):
            line.happen(2)
            wait_until(lambda: bool(said), "it is said")
        assert "CONNECT" not in broker.log
    assert said[0].startswith("mqtt: TLS: ")
    assert "127.0.0.1" in said[0]


def test_a_port_that_expects_tls_is_said_and_nothing_is_lost(
    tmp_path: Path, line: Line, said: list[str]
) -> None:
    server, server_key = make_certificate(tmp_path, "broker", "IP:127.0.0.1")
    with running_broker(
        tmp_path / "broker", f"certfile {server}", f"keyfile {server_key}"
    ) as broker:
        options = make_options(tmp_path, broker.port)
        with serving(line.run_dir, options):
            line.happen(2)
            wait_until(lambda: bool(said), "it is said")
        address = f"mqtts://127.0.0.1:{broker.port}"
        with serving(line.run_dir, options | {"broker": address, "ca": str(server)}):
            wait_until(lambda: broker.log.count("event/track") >= 2, "the events come")
    assert said[0].startswith(
        f"mqtt: mqtt://127.0.0.1:{broker.port}: the broker ends the connection before it answers: "
        "does this port expect TLS"
    )
