"""The table of stages: what travels along each of its links."""

from types import NoneType
from typing import Any

import pytest

from pipeline.processes.loading import load_target
from pipeline.stage import BasicStage
from stages.graph import STAGES
from stages.slot import DetectionBody, PublishedBody

BY_NAME = {row.name: row for row in STAGES}


def produced_by(stage: str) -> type[Any]:
    row = BY_NAME[stage]
    return NoneType if row.reads is None else load_target(row.target).produces


@pytest.mark.parametrize("row", [row for row in STAGES if row.reads], ids=lambda row: row.name)
def test_a_stage_consumes_what_the_stage_it_reads_from_produces(row: Any) -> None:
    assert load_target(row.target).consumes is produced_by(row.reads)


@pytest.mark.parametrize("row", [row for row in STAGES if row.hot], ids=lambda row: row.name)
def test_a_stage_with_hot_options_has_them_and_takes_them(row: Any) -> None:
    stage = load_target(row.target)
    assert set(row.hot) <= set(stage.Options.__struct_fields__)
    assert stage.reconfigure is not BasicStage.reconfigure


def test_detections_and_messages_travel() -> None:
    assert produced_by("postprocess") is DetectionBody
    assert produced_by("publish") is PublishedBody
