"""What a bench says of a board."""

import msgspec
import yaml

from pipeline.config_file import build
from stages.config import LineConfig
from stages.line.bench.capacity import Try
from stages.line.bench.report import BenchReport, describe, headline, model_label, to_yaml, warnings
from tests.stages.line.bench.reports import make_report, make_try


def test_one_sentence_says_what_the_board_can_do() -> None:
    assert headline(make_report()) == (
        "this board: SNet49 31 ms float, 19 ms 8-bit; 3 cameras of 720p at 10 detections a second"
    )


def test_a_board_that_is_too_slow_for_one_camera_says_how_slow() -> None:
    report = msgspec.structs.replace(make_report(), cameras=0, tries=[make_try(1, 4.2)])
    assert headline(report).endswith("; 1 camera of 720p at 4.2 detections a second")


def test_a_limit_that_was_not_reached_is_no_limit() -> None:
    report = msgspec.structs.replace(make_report(), is_limit_known=False, size_wh=(640, 480))
    assert headline(report).endswith(
        "; 3 cameras of 640x480 at 10 detections a second, perhaps more"
    )


def test_the_page_has_each_kind_of_core_and_each_line() -> None:
    rows = [" ".join(row.split()) for row in describe(make_report()).splitlines()]
    assert {"cores 2-3 cores 0-1", "decode 720p 4.0 ms 9.6 ms"} <= set(rows)
    assert "SNet146, float 80 ms 200 ms" in rows
    assert "4 cameras 31.0 of 40 7 41 ms 80 ms 210 MiB" in rows


def test_a_core_that_others_wanted_too_is_told() -> None:
    assert list(warnings(make_report())) == [
        "core 1: other programs took 60 % of its time meanwhile; measure again when they are done"
    ]
    assert "\n! core 1: other programs" in describe(make_report())


def test_a_line_that_there_was_no_room_for_says_so() -> None:
    tries = [Try(9, 90.0, 0.0, is_enough=False, error="no room")]
    page = describe(msgspec.structs.replace(make_report(), tries=tries))
    assert "9 cameras no room" in [" ".join(row.split()) for row in page.splitlines()]


def test_the_proposal_is_part_of_a_configuration() -> None:
    content = yaml.safe_load(to_yaml(make_report().proposal))
    config = build(content | {"sources": [{"uri": "0"}]}, LineConfig, "pasted")
    assert config.detect.replicas == 2
    assert config.cores == {"detect": (2, 3)}
    assert config.model == "thundernet-snet49-street11-int8"


def test_models_of_others_are_called_by_their_file() -> None:
    assert model_label("yolox-nano") == "yolox-nano, float"
    assert model_label("yolox-nano-int8-arm") == "yolox-nano, 8-bit"
    assert model_label("thundernet-snet146-street11-int8") == "SNet146, 8-bit"


def test_programs_read_the_same() -> None:
    report = make_report()
    assert msgspec.json.decode(msgspec.json.encode(report), type=BenchReport) == report
