"""Every key of the configuration: its limits, and what is said when it is wrong."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config_file import ConfigError, build
from stages.config import LineConfig, V4l2Config
from stages.graph import ROWS, STAGES, make_topology
from stages.line.line import check_cores


def check(**content: Any) -> LineConfig:
    return build({"sources": [{"uri": "0"}], **content}, LineConfig, "line.yaml")


def refuse(**content: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        check(**content)
    return str(refused.value).removeprefix("line.yaml: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"sourxes": []}, "unknown key 'sourxes': did you mean 'sources'?"),
        ({"sources": [{"url": "0"}]}, "unknown key 'sources[0].url': did you mean 'uri'?"),
        ({"ring": {"slot": 8}}, "unknown key 'ring.slot': did you mean 'slots'?"),
        ({"sources": []}, "sources: Expected `array` of length >= 1, got []"),
        ({"sources": [{"uri": "0"}] * 65}, "sources: Expected `array` of length <= 64"),
        ({"sources": [{"uri": ""}]}, "sources[0].uri: Expected `str` of length >= 1, got ''"),
        ({"sources": [{"uri": True}]}, "sources[0].uri: Expected `str`, got `bool`, got True"),
        ({"sources": [{"uri": "0", "v4l2": {"format": "H264"}}]}, "Invalid enum value 'H264'"),
        ({"sources": [{"uri": "0", "v4l2": {"size": [640]}}]}, "sources[0].v4l2.size: Expected"),
        ({"sources": [{"uri": "0", "v4l2": {"size": [640, 0]}}]},
         "sources[0].v4l2.size[1]: Expected `int` >= 1, got 0"),
        ({"sources": [{"uri": "0", "v4l2": {"fps": 0}}]}, "v4l2.fps: Expected `float` > 0.0"),
        ({"sources": [{"uri": "0", "v4l2": {"fmt": "MJPG"}}]},
         "unknown key 'sources[0].v4l2.fmt': did you mean 'format'?"),
        ({"sources": [{"uri": "0", "name": "a b"}]}, "sources[0].name: Expected `str` matching"),
        ({"sources": [{"uri": "0", "name": "a/b"}]}, "sources[0].name: Expected `str` matching"),
        ({"sources": [{"uri": "0", "loop": 1}]}, "sources[0].loop: Expected `bool`, got `int`"),
        ({"sources": [{"uri": "0", "rtsp_transport": "TCP"}]}, "Invalid enum value 'TCP'"),
        ({"detect": {"replicas": 0}}, "detect.replicas: Expected `int` >= 1, got 0"),
        ({"detect": {"replicas": 65}}, "detect.replicas: Expected `int` <= 64, got 65"),
        ({"detect": {"threads": 1.5}}, "detect.threads: Expected `int`, got `float`, got 1.5"),
        ({"postprocess": {"method": "soft"}}, "postprocess.method: Invalid enum value 'soft'"),
        ({"postprocess": {"iou_thresh": 1.1}}, "iou_thresh: Expected `float` <= 1.0, got 1.1"),
        ({"postprocess": {"iou_thresh": float("nan")}}, "postprocess.iou_thresh: Expected"),
        ({"postprocess": {"sigma": 0}}, "postprocess.sigma: Expected `float` > 0.0, got 0"),
        ({"postprocess": {"score_thresh": 1}}, "score_thresh: Expected `float` < 1.0, got 1"),
        ({"postprocess": {"max_detections": 0}}, "max_detections: Expected `int` >= 1, got 0"),
        ({"publish": {"endpoint": "127.0.0.1:5570"}}, "publish.endpoint: Expected `str` matching"),
        ({"publish": {"endpoint": "udp://x"}}, "publish.endpoint: Expected `str` matching"),
        ({"record": {"jsonl": [5]}}, "record.jsonl: Expected `str | null`, got `array`, got [5]"),
        ({"ring": {"slots": 3}}, "ring.slots: Expected `int` >= 4, got 3"),
        ({"ring": {"slots": 4097}}, "ring.slots: Expected `int` <= 4096, got 4097"),
        ({"cores": {"detect": -1}}, "cores.detect: Expected `array`, got `int`, got -1"),
        ({"cores": {"detect": [-1]}}, "cores.detect[0]: Expected `int` >= 0, got -1"),
        ({"sources": [{"uri": "0", "gate": "always"}]}, "Invalid enum value 'always'"),
        ({"gate": {"look_s": 0}}, "gate.look_s: Expected `float` >= 0.1, got 0"),
        ({"gate": {"look": 5}}, "unknown key 'gate.look': did you mean 'look_s'?"),
        ({"log": "info"}, "log: Invalid enum value 'info'"),
        ({"sources": [{"uri": "0", "name": "a"}, {"uri": "1", "name": "a"}]},
         "sources: expected names that differ, got 'a' twice"),
        ({"sources": [{"uri": "0"}, {"uri": "1", "name": "cam0"}]},
         "sources: expected names that differ, got 'cam0' twice"),
        ({"sources": [{"uri": "0"}, {"uri": "1"}], "record": {"video": "a.mp4"}},
         "record.video: expected {camera} in the path, for 2 sources, got 'a.mp4'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_what_was_expected(
    content: dict[str, Any], said: str
) -> None:
    assert said in refuse(**content)


def test_numbers_may_be_names() -> None:
    config = check(sources=[{"uri": 0, "name": 7}], record={"jsonl": 5})
    assert (config.sources[0].uri, config.sources[0].name) == ("0", "7")
    assert config.record.jsonl == "5"


def test_a_camera_may_be_asked_for_a_mode_in_whole_or_in_part() -> None:
    mode = {"format": "MJPG", "size": [1920, 1080], "fps": 30}
    asked = check(sources=[{"uri": 0, "v4l2": mode}, {"uri": 1, "v4l2": {"fps": 7.5}}])
    assert asked.sources[0].v4l2 == V4l2Config(format="MJPG", size=(1920, 1080), fps=30.0)
    assert asked.sources[1].v4l2 == V4l2Config(fps=7.5)


def test_sources_have_names_by_their_order() -> None:
    config = check(sources=[{"uri": "0"}, {"uri": "1", "name": "yard"}, {"uri": "2"}])
    assert config.camera_names == ("cam0", "yard", "cam2")


def test_several_sources_may_be_filmed_each_in_a_file_of_its_own() -> None:
    check(sources=[{"uri": "0"}, {"uri": "1"}], record={"video": "{camera}.mp4"})


def test_each_stage_and_service_can_be_given_cores() -> None:
    check_cores(check(cores={row.name: [0, 1] for row in ROWS}))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("detects", "unknown key 'cores.detects': did you mean 'detect'?"),
        ("inference", "unknown key 'cores.inference': "),
        ("42", "unknown key 'cores.42': expected one of capture, preprocess, detect, "),
    ],
)
def test_cores_for_what_is_no_row_are_refused(name: str, error: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(error)):
        check_cores(check(cores={name: [1]}))


@pytest.mark.parametrize("cores", [{}, {"publish": [0]}, {"record_video": [0], "detect": [1]}])
def test_a_mistake_in_cores_is_found_beside_others_that_are_right(
    cores: dict[str, list[int]],
) -> None:
    assert refuse(cores={**cores, "capture": [0, -2]}).startswith(
        "cores.capture[1]: Expected `int` >= 0, got -2"
    )


@pytest.mark.parametrize(
    ("zone", "error"),
    [
        ({"polygonn": []}, "unknown key 'sources[0].zones.yard.polygonn'"),
        ({"polygon": [[0, 0], [1, 2], [1, 1]]}, "sources[0].zones.yard.polygon[1][1]: Expected"),
        ({"polygon": [[0, 0], [1], [1, 1]]}, "sources[0].zones.yard.polygon[1]: Expected"),
        ([], "sources[0].zones.yard: Expected `object`, got `array`"),
        ({"labels": ["car"]}, "sources[0].zones.yard: Object missing required field `polygon`"),
    ],
)
def test_a_mistake_within_a_map_of_sections_is_found(zone: Any, error: str) -> None:
    good = {"polygon": [[0, 0], [1, 0], [1, 1]]}
    zones = {"gate": good, "yard": zone, "door": good}
    assert refuse(sources=[{"uri": "0", "zones": zones}]).startswith(error)


@pytest.mark.parametrize(
    ("keys", "left_out"),
    [
        (["jsonl", "events", "video"], set()),
        (["video"], {"record_jsonl"}),
        (["jsonl"], {"overlay", "record_video"}),
        (["events"], {"overlay", "record_video"}),
        ([], {"record_jsonl", "overlay", "record_video"}),
    ],
)
def test_recorders_run_where_something_is_recorded(keys: list[str], left_out: set[str]) -> None:
    record = {key: "out.mp4" if key == "video" else f"{key}.jsonl" for key in keys}
    topology = make_topology(check(record=record))
    assert {row.name for row in STAGES} - set(topology.names) == left_out
    assert all(topology.branches)
    assert {stage.reads for stage in topology.stages[1:]} <= set(topology.names)


fields = st.sampled_from(
    [*LineConfig.__struct_fields__, "uri", "slots", "jsonl", "detect", "zones", "polygon", "from"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(fields, inner), max_leaves=12
)


@given(st.dictionaries(fields, values))
def test_any_content_is_a_configuration_or_refused(content: dict[str, Any]) -> None:
    try:
        config = build(content, LineConfig, "line.yaml")
    except ConfigError:
        return
    assert config.sources


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(AttributeError):
        check().log = "DEBUG"  # type: ignore[misc]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"sources": [{"uri": "0"}], "mistake": 1}, LineConfig)
