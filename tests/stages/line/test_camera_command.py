"""Cameras of the network as configuration, with a device that answers on the loopback interface."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import run_pipeline
from pipeline.config_file import build
from pipeline.redact import forget
from stages.config import LineConfig
from stages.line import camera_command
from tests.stages.readers.onvif.server import (
    LOOPBACK,
    PASSWORD,
    USER,
    Answering,
    OnvifDevice,
    match,
)

SCOPES = "onvif://www.onvif.org/name/ACME%20%22Eye%22 onvif://www.onvif.org/hardware/E-7"


@pytest.fixture
def device() -> Iterator[OnvifDevice]:
    device = OnvifDevice()
    yield device
    device.close()
    forget()


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE", PASSWORD)


def ask(*options: str) -> int:
    return run_pipeline.main(["cameras", "--onvif", *options])


def test_cameras_that_answer_are_printed_as_configuration(
    device: OnvifDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = (match(device.url, SCOPES), match(device.url.replace("device_service", "other")))
    with Answering(*answers):
        code = ask("--interface", LOOPBACK, "--wait", "1", "--user", USER, "--password-env", "GATE")
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    uri = "rtsp://admin:${GATE}@192.168.1.20:554/sub?a=1&b=2"
    assert said.out.startswith(
        "sources:\n"
        '  # ACME "Eye" E-7 at 127.0.0.1: Sub: H264 1280x720, 15 fps\n'
        f"  - uri: {uri}\n"
        "    name: acme-eye-e-7\n"
        "    # uri: rtsp://admin:${GATE}@192.168.1.20:554/main?a=1&b=2"
        "  # Main <stream>: H264 2560x1440, 25 fps\n"
    )
    config = build(yaml.safe_load(said.out), LineConfig, "printed")
    assert [source.uri for source in config.sources] == [uri, uri]
    assert config.camera_names == ("acme-eye-e-7", "camera-127-0-0-1")
    assert PASSWORD not in said.out


def test_a_camera_is_asked_by_its_address(
    device: OnvifDevice, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "gate").write_text(f"{PASSWORD}\n")
    options = ("--user", USER, "--password-file", str(tmp_path / "gate"))
    assert ask("--host", device.host, "--host", "127.0.0.1:1", *options) == 0
    said = capsys.readouterr()
    assert f"  - uri: rtsp://admin:${{file:{tmp_path}/gate}}@192.168.1.20:554/sub" in said.out
    assert said.err == "error: 127.0.0.1: Connection refused\n"


@pytest.mark.parametrize(
    "host",
    ["", " ", "a b", ":80", "cam:99999", "cam:0", "cam:x", "http://", "ftp://cam/x", "[::1", "::1",
     "#x", "cam/x", "a\nb"],
)  # fmt: skip
def test_a_host_that_is_none_is_one_error_of_its_option(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ask("--host", host)
    assert ended.value.code == 2
    usage, _, said = capsys.readouterr().err.partition("error: ")
    assert usage.startswith("usage: ")
    assert said == (
        "argument --host: expected HOST, HOST:PORT or an address of http, an IPv6 address in "
        f"brackets, got {host!r}\n"
    )


def test_a_login_in_a_host_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ask("--host", f"{USER}:{PASSWORD}@cam")
    said = capsys.readouterr().err
    assert "argument --host: expected --user instead of a user name before the host" in said
    assert PASSWORD not in said


def test_names_that_are_alike_get_numbers() -> None:
    assert camera_command._unused("Eye!", ["eye", "eye-2"]) == "eye-3"
    assert camera_command._unused("é", []) == "camera"
    assert len(camera_command._unused("x" * 100, [])) <= 64


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--user", USER, "--password-env", "NONE"), 2, "no variable NONE in the environment"),
        (("--user", USER, "--password-file", "/none"), 2, "/none: No such file or directory"),
        (("--user", USER), 2, "expected --password-env or --password-file"),
        (("--interface", "none9"), 2, "--interface 'none9': no such network interface"),
        (("--interface", LOOPBACK, "--wait", "0.1"), 1, "no camera has answered; --host asks one"),
    ],
)
def test_what_is_wrong_is_one_line(
    options: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(*options) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_login_that_is_refused_is_one_line(
    device: OnvifDevice, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE", "an0ther")
    assert ask("--host", device.host, "--user", USER, "--password-env", "GATE") == 1
    assert ask("--host", device.host) == 1
    assert capsys.readouterr().err == (
        "error: 127.0.0.1: user name or password refused\n"
        "error: 127.0.0.1: asks for a user name and password\n"
    )


@pytest.mark.parametrize(
    "options",
    [["--user", "a"], ["--onvif", "--password-env", "a"], ["--onvif", "--wait", "0"],
     ["--onvif", "--password-env", "a", "--password-file", "b"]],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        run_pipeline.main(["cameras", *options])
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (["# no camera answers at /dev/video*"], 1),
        (["# /dev/video0: may not be opened"], 1),
        (["sources:", "  - uri: /dev/video0"], 0),
    ],
)
def test_the_code_says_whether_this_machine_has_a_camera(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: list[str], code: int
) -> None:
    monkeypatch.setattr(camera_command, "describe_cameras", lambda: iter(rows))
    assert run_pipeline.main(["cameras"]) == code
    assert capsys.readouterr().out.splitlines() == rows
