import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from pipeline.credentials.address_secrets import secrets_of
from pipeline.redact import forget, learn, redact


@pytest.fixture(autouse=True)
def _know_nothing() -> Iterator[None]:
    forget()
    yield
    forget()


def test_a_known_secret_is_hidden_where_no_address_is() -> None:
    learn("rtsp://admin:S3cr/etXYZ@127.0.0.1:1/s")
    assert redact("Failed to resolve hostname S3cr") == "Failed to resolve hostname ***"
    assert redact("no such file: /etXYZ@127.0.0.1:1/s").count("etXYZ") == 0


@pytest.mark.parametrize("secret", ['S3 "c/ret', "S3\nc'ret", "Pässwört", "a\\b&c<d>", "S3%41%2Fc"])
def test_a_known_secret_is_hidden_in_every_notation(secret: str) -> None:
    learn(f"rtsp://admin:{secret}@cam/1")
    for text in (
        secret, secret.upper(), repr(secret), repr(secret.encode()), json.dumps(secret),
        html.escape(secret), quote(secret, safe=""), quote_plus(secret), quote(quote(secret)),
        " ".join(secret.split()),
    ):  # fmt: skip
        assert redact(f"refused <{text.strip(chr(34))}>").startswith("refused <"), text
        assert "***" in redact(f"refused <{text}>"), text


def test_many_addresses_are_learned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    patterns: list[str] = []
    compiled = re.compile

    def count(pattern: str, flags: int = 0) -> re.Pattern[str]:
        patterns.append(pattern)
        return compiled(pattern, flags)

    monkeypatch.setattr("pipeline.redact.re.compile", count)
    learn({"sources": [{"uri": f"rtsp://admin:S3cret{i}@cam{i}/1"} for i in range(64)]})
    assert sum("S" in pattern for pattern in patterns) == 1, "else it takes the square of them"
    monkeypatch.undo()
    assert redact("S3cret0 and S3cret63") == "*** and ***"


def test_secrets_are_learned_from_everything_that_options_hold() -> None:
    learn([{"uri": "rtsp://a:S3cret@cam", "slots": 8, "retry": {"first_s": 0.5}}, ("x", None)])
    assert redact("S3cret") == "***"


def test_a_short_secret_is_no_part_of_a_longer_word_or_number() -> None:
    learn("rtsp://admin:1234@cam/1")
    assert redact("frame 12345, 91234 left, code 1234") == "frame 12345, 91234 left, code ***"


def test_the_shortest_secrets_are_hidden_in_addresses_alone() -> None:
    learn("rtsp://admin:12@cam/1")
    assert redact("rtsp://admin:12@cam/1 frame 12") == "rtsp://***@cam/1 frame 12"


def test_what_was_learned_before_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def look(text: str) -> frozenset[str]:
        looked_at.append(text)
        return secrets_of(text)

    monkeypatch.setattr("pipeline.redact.secrets_of", look)
    address, long = "rtsp://admin:S3cret@cam/1", "x" * 300
    learn([address, {"label": "car"}, long])
    learn([address, {"label": "car"}, long])
    assert looked_at == [address, "label", "car", long, long]
    assert redact("S3cret") == "***"
    forget()
    learn(address)
    assert redact("S3cret") == "***"
