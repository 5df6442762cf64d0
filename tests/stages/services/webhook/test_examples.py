"""The page about webhooks: its examples are accepted, and make what the services read."""

import json
import re
from email import message_from_bytes
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stages.events.webhook_config import WebhookConfig
from stages.services.webhook.target import Target
from stages.services.webhook.values import NAMES
from tests.running_line import REPOSITORY
from tests.stages.services.webhook.targets import NoFrames, make_event, make_target

PAGE = (REPOSITORY / "docs/webhooks.md").read_text()
EXAMPLES: dict[str, dict[str, Any]] = {}
for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.S | re.M):
    EXAMPLES |= yaml.safe_load(text)["webhook"]["targets"]


def fields_of(target: Target) -> Any:
    """What a receiver reads of the next request."""
    request = target.take()
    assert request is not None
    kind, data = request.body
    if kind == "application/json":
        return json.loads(data)
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return {
        str(part.get_param("name", header="content-disposition")): (
            json.loads(str(part.get_payload()))
            if part.get_content_type() == "application/json"
            else part.get_payload()
        )
        for part in parts
    }


EXPECTED = {
    "ntfy": {"topic": "my-secret-topic", "title": "gate: car", "tags": ["eyes"], "priority": 4,
             "message": "gate: car 7 crossed drive: in (3)"},
    "slack": {"text": "gate: car 7 crossed drive: in (3)"},
    "telegram": {"chat_id": "123456789", "caption": "gate: car 7 crossed drive: in (3)"},
    "discord": {"payload_json": {"content": "gate: car 7 crossed drive: in (3)",
                                 "allowed_mentions": {"parse": []}}},
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_makes_what_the_service_reads(name: str, tmp_path: Path) -> None:
    keys = {**EXAMPLES[name]}
    keys.pop("url_file", None)
    target = make_target(tmp_path, **{"url": "https://localhost/x", **keys})
    target.put(make_event(), NoFrames())
    assert fields_of(target) == EXPECTED[name]
    target.close()


def test_all_examples_are_valid() -> None:
    assert {*EXPECTED, "phone", "home"} == EXAMPLES.keys()
    msgspec.convert({"targets": EXAMPLES}, WebhookConfig)


def test_the_page_names_what_a_template_may_say() -> None:
    rows = re.findall(r"^\| ((?:`\w+`,? ?)+(?:\.\.\. )?)\|", PAGE, re.M)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {"text", "time", "unix_s", "score_percent", "id", "picture"} <= told
    assert told <= NAMES
