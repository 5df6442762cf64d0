from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from pipeline.config_file import build
from pipeline.redact import forget, learn
from stages.config import LineConfig
from stages.line.configuration.differences import Difference, find_differences, with_difference


def make(*sources: dict[str, Any], **content: Any) -> LineConfig:
    return build({"sources": list(sources) or [{"uri": "0"}], **content}, LineConfig, "line.yaml")


def told(before: LineConfig, after: LineConfig) -> list[str]:
    return [str(difference) for difference in find_differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({}, {"track": {"lost_s": 2}}, []),
        ({"track": {"lost_s": 10}}, {"track": {"lost_s": 20.5}}, ["track.lost_s: 10 -> 20.5"]),
        ({}, {"track": {"enabled": False}}, ["track.enabled: true -> false"]),
        ({}, {"postprocess": {"sigma": 0.4}}, ["postprocess.sigma: null -> 0.4"]),
        ({}, {"log": "DEBUG"}, ["log: 'INFO' -> 'DEBUG'"]),
        (
            {"cores": {"detect": [1]}},
            {"cores": {"detect": [2, 3]}},
            ["cores.detect: [1] -> [2, 3]"],
        ),
        ({}, {"cores": {"detect": [1]}}, ["cores.detect: nothing -> [1]"]),
        ({"cores": {"detect": [1]}}, {}, ["cores.detect: [1] -> nothing"]),
        (
            {"track": {"lost_s": 1}, "ring": {"slots": 9}},
            {"track": {"lost_s": 2}},
            ["track.lost_s: 1 -> 2", "ring.slots: 9 -> 8"],
        ),
    ],
)  # fmt: skip
def test_each_key_that_differs_is_told_with_its_values(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert told(make(**before), make(**after)) == expected


def test_keys_of_a_source_are_told_with_its_number() -> None:
    before = make({"uri": "0"}, {"uri": "1", "v4l2": {"fps": 5}})
    after = make({"uri": "0", "silence_s": 7}, {"uri": "2", "v4l2": {"fps": 30}})
    assert told(before, after) == [
        "sources[0].silence_s: 5 -> 7",
        "sources[1].uri: '1' -> '2'",
        "sources[1].v4l2.fps: 5 -> 30",
    ]


def test_a_source_that_comes_or_goes_is_one_difference() -> None:
    """Sources are told apart by name, whatever their order."""
    gate, yard = {"uri": "0", "name": "gate"}, {"uri": "1", "name": "yard"}
    before, after = make(gate), make(yard, gate)
    (added,) = find_differences(before, after)
    assert (added.key, added.camera, added.before) == ("sources[0]", "yard", UNSET)
    (removed,) = find_differences(after, before)
    assert (removed.key, removed.camera, removed.after) == ("sources[0]", "yard", UNSET)
    assert with_difference(before, added).named_sources == after.named_sources
    assert with_difference(after, removed).camera_names == ("gate",)
    assert find_differences(make(gate, yard), make(yard, gate)) == []


def test_a_source_without_a_name_has_that_of_its_place() -> None:
    assert find_differences(make({"uri": "0"}), make({"uri": "0", "name": "cam0"})) == []
    removed, changed = find_differences(make({"uri": "0"}, {"uri": "1"}), make({"uri": "1"}))
    assert (removed.key, removed.camera) == ("sources[1]", "cam1")
    assert (changed.key, changed.camera) == ("sources[0].uri", "cam0")


def test_passwords_are_not_told() -> None:
    forget()
    before, after = ({"uri": f"rtsp://admin:S3cret{word}@cam/1"} for word in ("One", "Two"))
    learn([before, after])
    (said,) = told(make(before), make(after))
    assert said.startswith("sources[0].uri: ")
    assert "S3cret" not in said
    forget()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("rtsp://admin:S3cret@cam/" + "x" * 300, "S3cret"),
        ({"password": "S3cret", "host": "nas"}, "S3cret"),
        (["http://nas/?token=S3cret" + "y" * 300], "S3cret"),
    ],
)
def test_values_that_are_cut_or_nested_show_no_password(value: Any, shown: str) -> None:
    said = str(Difference(("mail", "to"), None, value))
    assert said.startswith("mail.to: null -> ")
    assert len(said) < 300
    assert shown not in said


def test_a_key_that_is_called_password_shows_neither_value() -> None:
    assert str(Difference(("mail", "password"), "Old-One1", "New-One2")) == (
        "mail.password: *** -> ***"
    )


def test_one_difference_can_be_made_alone() -> None:
    before = make({"uri": "0"}, {"uri": "1"}, cores={"detect": [1]})
    after = make({"uri": "0"}, {"uri": "2"}, track={"lost_s": 7})
    differences = {each.key: each for each in find_differences(before, after)}
    assert set(differences) == {"sources[1].uri", "track.lost_s", "cores.detect"}
    for key, difference in differences.items():
        alone = with_difference(before, difference)
        assert [each.key for each in find_differences(before, alone)] == [key]
    everything = before
    for difference in differences.values():
        everything = with_difference(everything, difference)
    assert find_differences(everything, after) == []


def test_a_difference_that_is_nothing_alone_is_refused() -> None:
    before = make()
    after = make({"uri": "0"}, {"uri": "1"}, record={"video": "{camera}.mp4"})
    assert with_difference(before, find_differences(before, after)[1]).record.video
    plain = make(record={"video": "all.mp4"})
    with pytest.raises(msgspec.ValidationError):
        with_difference(plain, find_differences(plain, after)[0])
