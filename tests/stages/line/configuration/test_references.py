"""What the references of a configuration lead to, and what is said where they lead nowhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.config_file import ConfigError, build
from pipeline.redact import forget, redact
from stages.config import LineConfig
from stages.line.configuration.config_source import ConfigSource
from stages.line.configuration.references import resolve_references
from stages.line.line import Line


@pytest.fixture(autouse=True)
def _no_secrets() -> Iterator[None]:
    forget()
    yield
    forget()


def check(uri: str, **content: Any) -> LineConfig:
    return build({"sources": [{"uri": uri}], **content}, LineConfig, "line.yaml")


def refuse(uri: str, **content: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        resolve_references(check(uri, **content))
    said = str(refused.value)
    assert redact(said) == said, "nothing of it looks like a secret"
    return said


def test_variables_files_and_credentials_are_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_USER", "admin")
    monkeypatch.setenv("HOST", "hub.lan")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "gate").write_text("S3cr/et\n")
    (tmp_path / "hook").write_text("Bearer T0kenT0ken")
    config = resolve_references(
        check(
            "rtsp://${GATE_USER}:${credential:gate}@cam/1",
            web={"token_file": "${CREDENTIALS_DIRECTORY}/web"},
            mqtt={"broker": "mqtt://${HOST}", "user": "${GATE_USER}"},
            fleet={"server": "tls://${HOST}", "site": "hall", "user": "${GATE_USER}"},
            webhook={"targets": {"a": {
                "url": "https://host/",
                "headers": {"Authorization": f"${{file:{tmp_path}/hook}}"},
                "template": {"text": "costs $${label}, ${label}"},
            }}},
        )
    )  # fmt: skip
    assert config.sources[0].uri == "rtsp://admin:S3cr%2Fet@cam/1"
    assert config.web is not None
    assert config.web.token_file == f"{tmp_path}/web"
    assert config.mqtt is not None
    assert (config.mqtt.broker, config.mqtt.user) == ("mqtt://hub.lan", "admin")
    assert config.fleet is not None
    assert (config.fleet.server, config.fleet.user) == ("tls://hub.lan", "admin")
    assert config.webhook is not None
    target = config.webhook.targets["a"]
    assert target.headers == {"Authorization": "Bearer T0kenT0ken"}
    assert target.template == {"text": "costs $${label}, ${label}"}, "no text of ours"


def test_what_was_looked_up_is_hidden_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "horse staple")
    config = check("rtsp://admin:${GATE_PASSWORD}@cam/1")
    assert redact("no horse staple here") == "no horse staple here"
    resolve_references(config)
    assert redact("no horse staple here") == "no *** here"
    assert redact("the gate, its GATE_PASSWORD") == "the gate, its GATE_PASSWORD"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("${GATE_PASSWORD}", "expected a variable GATE_PASSWORD in the environment, got none"),
        ("${EMPTY}", "expected a variable EMPTY in the environment, got an empty one"),
        ("${file:FOLDER/token}", "No such file or directory (FOLDER/token)"),
        ("${file:FOLDER}", "Is a directory (FOLDER)"),
        ("${file:FOLDER/nothing}", "expected 1 to 8192 bytes, got nothing (FOLDER/nothing)"),
        ("${file:FOLDER/much}", "expected 1 to 8192 bytes, got more (FOLDER/much)"),
        ("${file:FOLDER/odd}", "expected UTF-8 (FOLDER/odd)"),
        ("${file:FOLDER/lines}", "expected one line, got several"),
        ("${credential:gate}", "expected to be a service of systemd that has this credential, got "
                               "no CREDENTIALS_DIRECTORY in the environment"),
    ],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_is_named_with_its_place(
    reference: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (tmp_path / "nothing").write_text("\n")
    (tmp_path / "much").write_text("x" * 9000)
    (tmp_path / "odd").write_bytes(b"\xff")
    (tmp_path / "lines").write_text("a\nb")
    reference = reference.replace("FOLDER", str(tmp_path))
    said = said.replace("FOLDER", str(tmp_path))
    expected = f"sources[0].uri: {reference}: {said}"
    assert refuse(f"rtsp://admin:{reference}@cam/1") == expected


def test_a_credential_lies_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "expected the name of a credential" in refuse("rtsp://a:${credential:../x}@cam")


def test_what_is_no_reference_is_named_with_its_place() -> None:
    assert refuse("0", mqtt={"broker": "${X:-host}"}) == (
        "mqtt.broker: expected ${NAME}, ${file:PATH} or ${credential:NAME}; $${ stands for ${; "
        "got '${X:-host}'"
    )


def test_files_are_below_the_folder_of_the_configuration(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gate.password").write_text("S3cret")
    (tmp_path / "line.yaml").write_text(
        f"sources: [{{uri: 'rtsp://me:${{file:gate.password}}@cam/1'}}]\nmodel: {tiny_model}\n"
        "record: {jsonl: '${OUT}/a.jsonl'}"
    )
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    config = ConfigSource(tmp_path / "line.yaml").read().config
    assert "S3cret" not in str(config), "it is looked up as late as possible"
    line = Line(config)
    capture = next(process for process in line.processes if process.is_source)
    assert capture.options["address"]["location"] == "rtsp://me:S3cret@cam/1"
    assert line.config.record.jsonl == f"{tmp_path}/out/a.jsonl"


def test_a_whole_address_may_be_one(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "line.yaml").write_text(f"sources: [{{uri: '${{GATE}}'}}]\nmodel: {tiny_model}\n")
    monkeypatch.setenv("GATE", "rtsp://me:S3cret@cam/1")
    line = Line(ConfigSource(tmp_path / "line.yaml").read().config)
    assert line.config.sources[0].uri == "rtsp://me:S3cret@cam/1"
