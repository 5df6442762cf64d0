"""What is refused before anything is sent, in words that hold no secret."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.service import ServiceError
from stages.events.webhook_config import WebhookTargetConfig
from stages.services.webhook.options import check_target, make_destination
from tests.stages.services.webhook.targets import WHERE, make_options

CAMERAS, LABELS = ("gate", "yard"), ("car", "person")


def check(**keys: Any) -> None:
    check_target(WHERE, make_options(**keys), CAMERAS, LABELS)


def test_a_usual_target_is_fine(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://hooks.example.org/services/T0/B0/S3cret\n")
    (tmp_path / "token").write_text("Bearer S3cret")
    keys = {
        "url": None, "url_file": str(tmp_path / "url"), "cameras": ["gate"], "labels": ["car"],
        "header_files": {"Authorization": str(tmp_path / "token")}, "template": {"a": "{text}"},
    }  # fmt: skip
    check(**keys)
    destination = make_destination(WHERE, make_options(**keys))
    assert destination.address.host == "hooks.example.org"
    assert destination.headers == {"Authorization": "Bearer S3cret"}


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"url": "ftp://x/S3cret"}, r"phone\.url: expected a URL that begins with https://"),
        ({"url": "https://x/S3cret x"}, r"phone\.url: expected a URL without spaces"),
        ({"url": None, "url_file": "/nowhere/url"},
         r"phone\.url_file: expected a file that can be read, got /nowhere/url: No such file"),
        ({"url": None, "url_env": "NO_SUCH_VARIABLE"},
         r"phone\.url_env: expected a variable of the environment, got none called NO_SUCH"),
        ({"cameras": ["gat"]}, r"phone\.cameras: expected some of gate, yard, got 'gat'"),
        ({"labels": ["cat"]}, r"phone\.labels: expected some of car, person, got 'cat'"),
        ({"template": {"text": "{mark}"}}, r"phone\.template: expected one of .* got \{mark\}"),
        ({"headers": {"Content-Length": "3"}}, r"phone\.headers: expected names of headers other"),
        ({"headers": {"X-A": "S3cret\r\nX-B: c"}}, r"phone\.headers\.X-A: expected printable"),
        ({"ca_file": "/nowhere/ca"}, r"phone\.ca_file: expected certificates in PEM, got /nowhere"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_error(keys: dict[str, Any], error: str) -> None:
    with pytest.raises(ServiceError, match=error) as caught:
        check(**keys)
    assert "S3cret" not in str(caught.value)


@pytest.mark.parametrize(("key", "error"), [("not base64!", "base64"), ("c2hvcnQ=", "16 bytes")])
def test_a_key_is_long_enough_and_is_not_shown(key: str, error: str) -> None:
    os.environ["WEBHOOK_TEST_KEY"] = key
    try:
        with pytest.raises(ServiceError, match=error) as caught:
            check(secret_env="WEBHOOK_TEST_KEY")
        assert key not in str(caught.value)
    finally:
        del os.environ["WEBHOOK_TEST_KEY"]


@pytest.mark.parametrize(
    "keys", [{}, {"url": "https://x", "url_env": "X"}, {"url": "https://x", "kinds": ["crossed"]}]
)
def test_a_target_has_one_address_and_kinds_that_there_are(keys: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"one of url|Invalid enum value 'crossed'"):
        msgspec.convert(keys, WebhookTargetConfig)
