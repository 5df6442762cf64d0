"""The processes of a line in the order of its ledger, as the table and a configuration say."""

import tempfile
from pathlib import Path

import msgspec

from stages.config import LineConfig
from stages.events.record_config import RecordConfig
from stages.line.line import Line
from stages.options import is_tracked

TINY_MODEL = Path(__file__).with_name("golden") / "tiny.onnx"


def process_names(config: LineConfig) -> tuple[str, ...]:
    """Those of a line with this configuration; neither its sources nor its recordings are touched.

    Which stages run depends on what is configured, not on whether a file is there: a scene stands
    in for each source, a file in a folder that is removed for each recording.
    """
    sources = tuple(
        msgspec.structs.replace(source, uri="scene://street", track=is_tracked(config, source))
        for source in config.sources
    )
    with tempfile.TemporaryDirectory() as folder:
        copy = msgspec.structs.replace(
            config, model=str(TINY_MODEL), sources=sources, record=_in(Path(folder), config.record)
        )
        return tuple(process.name for process in Line(copy).processes)


def _in(folder: Path, record: RecordConfig) -> RecordConfig:
    jsonl = None if record.jsonl is None else str(folder / "out.jsonl")
    video = None if record.video is None else str(folder / "{camera}.mp4")
    events = None if record.events is None else str(folder / "events.jsonl")
    return msgspec.structs.replace(record, jsonl=jsonl, events=events, video=video)
