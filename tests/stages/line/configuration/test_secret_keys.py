"""Addresses and headers of webhooks are shown nowhere, and come back as they were."""

from typing import Any

from pipeline.config_file import build
from stages.config import LineConfig
from stages.line.configuration.differences import find_differences
from stages.line.configuration.masks import mask, to_content, unmask

TARGET = {"url": "https://hooks.example.org/T0/S3cret", "headers": {"Authorization": "S3cret"}}


def make(**content: Any) -> LineConfig:
    return build({"sources": [{"uri": "0"}], **content}, LineConfig, "line.yaml")


def with_target(**keys: Any) -> LineConfig:
    return make(webhook={"targets": {"phone": {**TARGET, **keys}}})


def test_what_the_api_shows_holds_none_and_can_be_sent_back() -> None:
    content = to_content(with_target())
    shown = mask(content)
    assert "S3cret" not in str(shown)
    assert shown["webhook"]["targets"]["phone"]["url"] == "***"
    assert unmask(shown, content) == content


def test_what_the_log_says_of_a_change_holds_none() -> None:
    before = with_target()
    for after in (
        with_target(url="https://hooks.example.org/T1/S3cret"),
        with_target(headers={"X-Other": "S3cret"}),
        make(webhook={"targets": {"other": TARGET}}),
        make(),
    ):
        for one, other in ((before, after), (after, before)):
            said = [str(difference) for difference in find_differences(one, other)]
            assert said
            assert "S3cret" not in "".join(said)
