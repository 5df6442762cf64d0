"""Rules that could never keep anything are refused by their path."""

from typing import Any

import pytest

from pipeline.config_file import ConfigError, build
from stages.config import LineConfig
from stages.recording.kept_check import check_kept

SOURCE = {"uri": "scene://street", "name": "gate", "lines": {"way": {"from": [0, 0], "to": [1, 1]}}}


def check(**record: Any) -> None:
    content = {"sources": [SOURCE], "record": {"folder": "kept", **record}}
    check_kept(build(content, LineConfig, "line.yaml"), ["person", "car"])


def test_what_there_is_is_kept() -> None:
    check(
        continuous={"cameras": ["gate"]},
        clips={"all": {}, "cars": {"cameras": ["gate"], "regions": ["way"], "labels": ["car"]}},
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"continuous": {"cameras": ["gat"]}},
         "record.continuous.cameras: unknown camera 'gat': did you mean 'gate'?"),
        ({"clips": {"a": {"cameras": ["x"]}}}, "record.clips.a.cameras: unknown camera 'x'"),
        ({"clips": {"a": {"regions": ["wa"]}}}, "a.regions: unknown zone or line 'wa'"),
        ({"clips": {"a": {"labels": ["cat"]}}}, "record.clips.a.labels: unknown label 'cat'"),
        ({"snapshots": {"cameras": ["x"]}}, "record.snapshots.cameras: unknown camera 'x'"),
        ({"snapshots": {"labels": ["x"]}}, "record.snapshots.labels: unknown label 'x'"),
        ({"clips": {"a": {}}, "folder": None}, "expected record.folder too where record.clips"),
        ({"continuous": {}, "folder": None}, "expected record.folder too where record.continuous"),
        ({"keep": {"messages": {"cameras": {"gate": {}}}}},
         "expected no cameras in record.keep.messages: all are in one file"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused(record: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(**record)
    assert expected in str(error.value)
