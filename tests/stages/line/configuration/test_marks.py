"""The marked texts of a configuration, wherever they are."""

from typing import Any

from pipeline.config_file import build
from stages.config import LineConfig
from stages.line.configuration.config_path import KeyPath, show_path
from stages.line.configuration.marks import change_config, change_marked

CONTENT: dict[str, Any] = {
    "sources": [{"uri": "0"}, {"uri": "1"}],
    "record": {"jsonl": "a"},
    "webhook": {"targets": {"a": {"url": "https://b", "headers": {"X-Y": "c"}}}},
}


def test_texts_are_changed_by_their_marks_and_places() -> None:
    seen: list[str] = []

    def change(path: KeyPath, text: str) -> str:
        seen.append(show_path(path))
        return f"{text}!"

    changed = change_marked(CONTENT, {"source": change, "text": change})
    assert seen == [
        "sources[0].uri", "sources[1].uri", "webhook.targets.a.url", "webhook.targets.a.headers.X-Y"
    ]  # fmt: skip
    assert changed["sources"] == [{"uri": "0!"}, {"uri": "1!"}]
    assert changed["record"] == {"jsonl": "a"}, "it has another mark"
    assert changed["webhook"]["targets"]["a"]["headers"] == {"X-Y": "c!"}


def test_what_has_no_place_in_a_configuration_stays() -> None:
    content = {"sources": {"uri": "0"}, "record": 5, "none": ["a"]}
    assert change_marked(content, {"source": lambda _, text: f"{text}!"}) == content


def test_a_configuration_is_changed_as_a_whole() -> None:
    config = build(CONTENT, LineConfig, "line.yaml")
    changed = change_config(config, {"file": lambda _, text: f"{text}!"})
    assert changed.record.jsonl == "a!"
    assert change_config(config, {}) == config
