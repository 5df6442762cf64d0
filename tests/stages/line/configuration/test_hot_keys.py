"""The keys that docs/configuration.md calls hot are those that a running line can change."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.config_file import ConfigError, build
from pipeline.errors import LineError
from stages.config import LineConfig
from stages.line.configuration.hot_change import HotChange
from stages.line.line import Line
from tests.running_line import REPOSITORY
from tests.stages.services.web.test_address import make_certificate
from tests.test_docs import config_keys

PAGE = (REPOSITORY / "docs/configuration.md").read_text()
SECTIONS = ("sources", "cores")  # which hold keys, or names of the user
# Keys that are valid with others only.
NEEDS_ANOTHER = (
    "publish.clients", "web.key", "fleet.key",
    "webhook.targets.*.url_env", "webhook.targets.*.url_file",
)  # fmt: skip
AREA = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
WAY = {"from": [0.2, 0.5], "to": [0.8, 0.5]}
# Of each kind and in each range some value is allowed.
VALUES = [
    False, True, 0.05, 0.4, 2, 7, 33, 77, 2000, [320, 240], "hard", "tcp", "udp", "DEBUG", "exit",
    "MJPG", "center", "auto", "scene://street?seed=8", "tcp://127.0.0.1:5599", "127.0.0.1:5599",
    "other.mp4", "motion", [0.1, 0.9], ["person"], {"person": 0.4}, AREA, [AREA],
    {"gate": {"polygon": AREA}},
    {"drive": WAY}, {"events": {"days": 5}}, {"cam0": {"days": 5}},
    "multipart", ["line_cross"], {"X-Own": "7"}, {"phone": {"url": "https://localhost/other"}},
    ["cam0"], ["yard"], ["zone_leave"], {"all": {"pre_s": 1.0}},
]  # fmt: skip


def documented() -> set[str]:
    """The keys of the list in the section; one of a section stands for all in it."""
    section = PAGE.partition("\n### Change while it runs\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\* (.*)$", section, re.M)
    return {key for row in rows for key in re.findall(r"`([\w.]+)`", row)}


def is_in(key: str, section: str) -> bool:
    return f"{key}.".startswith(f"{section}.")


def is_documented(key: str) -> bool:
    return any(is_in(key, hot) for hot in documented())


def with_value(content: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of the content; a key of `sources` is one of the first source, `*` the first name."""
    first, _, rest = key.partition(".")
    first = next(iter(content)) if first == "*" else first
    if not rest:
        return content | {first: value}
    inner = content.get(first, {})
    if isinstance(inner, list):
        return content | {first: [with_value(inner[0], rest, value), *inner[1:]]}
    return content | {first: with_value(inner, rest, value)}


def others(content: dict[str, Any], key: str, folder: Path) -> Iterator[LineConfig]:
    """Valid configurations that differ in this key."""
    before = build(content, LineConfig, "line.yaml")
    values = [make_pem(folder)] if key == "web.certificate" else VALUES
    for value in values:
        try:
            after = build(with_value(content, key, value), LineConfig, "line.yaml")
        except ConfigError:
            continue
        if after != before:
            yield after


def make_pem(folder: Path) -> str:
    """A certificate and its key in one file."""
    pem = folder / "both.pem"
    pem.write_bytes(b"".join(path.read_bytes() for path in make_certificate(folder)))
    return str(pem)


@pytest.mark.parametrize("key", sorted(config_keys().keys() - {*SECTIONS, *NEEDS_ANOTHER}))
def test_a_key_is_hot_where_the_page_says_so(key: str, tiny_model: Path, tmp_path: Path) -> None:
    """Of the others no value reaches a process, and some are refused; not all make a difference."""
    source = {
        "uri": "250" if "v4l2" in key or key == "sources.fps" else "scene://street",
        "zones": {"yard": {"polygon": [[0, 0], [1, 0], [1, 1]]}},
        "lines": {"path": {"from": [0.5, 0], "to": [0.5, 1]}},
        "gate": "motion" if key.startswith("gate.") else None,
    }
    content = {
        "sources": [source],
        "model": str(tiny_model),
        "record": {
            "jsonl": str(tmp_path / "out.jsonl"),
            "video": str(tmp_path / "out.mp4"),
            "folder": str(tmp_path / "kept"),
            "continuous": {},
            "clips": {"all": {}},
            "snapshots": {},
            "keep": {"events": {"cameras": {"cam0": {}}}},
        },
    }
    if key.startswith("webhook."):
        targets = {"phone": {"url": "https://localhost/hook"}}
        content["webhook"] = {"targets": targets, "outbox": str(tmp_path)}
    if key.startswith("web."):
        content["web"] = {"token_file": str(tmp_path / "token")}
    if key.startswith("mqtt"):
        content["mqtt"] = {"broker": "broker.lan", "user": "line"}
    if key.startswith("fleet"):
        content["fleet"] = {"server": "tls://hub.lan", "site": "hall", "user": "board-3"}
    line = Line(build(content, LineConfig, "line.yaml"))
    told, refusals = 0, list[str]()

    def tell(_processes: object) -> None:
        nonlocal told
        told += 1

    configs = list(others(content, key, tmp_path))
    for config in configs:
        try:
            HotChange(line, None, tell).apply(config)
        except LineError as error:
            refusals.append(str(error))
    assert configs, f"add a value for {key}"
    if is_documented(key):
        assert told > 0
        assert not any("cannot change" in refusal for refusal in refusals)
    else:
        assert told == 0
        assert refusals


def test_the_page_names_keys_that_exist() -> None:
    assert documented()
    assert all(any(is_in(key, hot) for key in config_keys()) for hot in documented())
