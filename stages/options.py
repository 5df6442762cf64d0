"""What the configuration and the model file say to each stage and service: one function each.

A function returns the fields of the stage's `Options`. `stages/graph.py` names it in the row.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from stages.config import LineConfig, SourceConfig
from stages.events.config import FilterConfig, corners_of
from stages.events.record_config import ARCHIVE_KINDS, KeepConfig, RecordConfig
from stages.events.region_state import shape_of
from stages.kernels.drawing.regions import CountingLine, Regions, Zone
from stages.model.model_file import ModelMetadata
from stages.readers.presence import retry_of
from stages.readers.uri import Kind, look_up, parse_address
from stages.recording.inputs import source_files
from stages.slot import SlotShape

Options = Mapping[str, Any]


class Given(NamedTuple):
    """What the options of one process are made of."""

    config: LineConfig
    model: ModelMetadata
    model_path: str
    number: int  # of the process among those of its row: which camera, or which replica
    began_ns: int = 0  # CLOCK_MONOTONIC, of the line
    recorded_since: Mapping[str, int] = {}  # the same clock; of cameras that were switched on


def capture(given: Given) -> Options:
    config, source = given.config, given.config.sources[given.number]
    address = parse_address(source.uri)
    slot = SlotShape(
        network_wh=given.model.input_wh,
        max_rois=given.model.max_rois,
        classes=len(given.model.labels),
        canvas=config.record.video is not None,
        tracked=config.postprocess.max_detections if is_tracked(config, source) else 0,
    )
    return {
        "address": address,
        "slots": config.ring.slots,
        "max_pixels": config.ring.max_pixels,
        "retry": retry_of(address.location, source.retry),
        "silence_s": source.silence_s,
        "freeze_s": source.freeze_s,
        "slot": slot,
        "loop": source.loop,
        "live": source.live,
        "realtime": source.realtime,
        "rtsp_transport": source.rtsp_transport,
        "fps": source.fps,
        "v4l2": source.v4l2,
        "packet_bytes": config.ring.packets_mib << 20 if wants_packets(config) else 0,
    }


def wants_packets(config: LineConfig) -> bool:
    """Whether anybody shows or keeps what cameras send, or may ask for a film of it."""
    return config.web is not None or config.record.folder is not None


def preprocess(given: Given) -> Options:
    config = given.config
    return {
        "gates": {
            camera: {"look_s": config.gate.look_s, "ignored": source.filter.ignore}
            for camera, source in config.named_sources.items()
            if source.gate
        },
        "paused": [name for name, source in config.named_sources.items() if not source.detect],
        "fit": given.model.fit,
    }


def detect(given: Given) -> Options:
    return {"model": given.model_path, "threads": given.config.detect.threads}


def postprocess(given: Given) -> Options:
    """The model's own settings of Soft-NMS, under what the configuration says.

    Where objects are tracked, also what `track` looks at and does not publish: what Soft-NMS keeps
    above a threshold does not depend on what it keeps below.
    """
    defaults = msgspec.structs.asdict(given.model.soft_nms)
    configured = msgspec.structs.asdict(given.config.postprocess)
    settings = defaults | {key: value for key, value in configured.items() if value is not None}
    lowest = _score_thresh(given)
    if tracks(given.config):
        lowest = min(lowest, given.config.track.low_score)
    return settings | {"score_thresh": lowest, "fit": given.model.fit}


def _score_thresh(given: Given) -> float:
    """The lowest score that is published."""
    configured = given.config.postprocess.score_thresh
    return given.model.score_thresh if configured is None else configured


def tracks(config: LineConfig) -> bool:
    """Whether the objects of any source are tracked."""
    return any(is_tracked(config, source) for source in config.sources)


def is_tracked(config: LineConfig, source: SourceConfig) -> bool:
    """By default, where one frame follows the other: the images of a folder need not."""
    if source.track is None:
        return config.track.enabled and look_up(source.uri).kind is not Kind.FOLDER
    return source.track


def picks(config: LineConfig) -> bool:
    """Whether the objects of any source are tracked, or detections of any are left out."""
    return tracks(config) or any(source.filter != FilterConfig() for source in config.sources)


def track(given: Given) -> Options:
    config = given.config
    tracker = {
        "score_thresh": _score_thresh(given),
        "confirm_s": config.track.confirm_s,
        "lost_s": config.track.lost_s,
    }
    return {
        "cameras": {
            camera: {
                "is_tracked": is_tracked(config, source),
                "is_paused": not source.detect,
                "labels": given.model.labels,
                "tracker": tracker,
                "filters": source.filter,
                "zones": source.zones,
                "lines": source.lines,
            }
            for camera, source in config.named_sources.items()
        }
    }


def publish(given: Given) -> Options:
    config, model = given.config.publish, given.model
    return {
        "endpoint": config.endpoint,
        "secret_key": config.secret_key,
        "clients": config.clients,
        "labels": model.labels,
        "tracks": tracks(given.config),
        "model": {"name": model.name, "sha256": model.sha256},
    }


def record_jsonl(given: Given) -> Options:
    record = given.config.record
    return {
        "labels": given.model.labels,
        "jsonl": record.jsonl,
        "events": record.events,
        "keep_jsonl": _days(record.kept("messages")),
        "keep_events": _days(record.kept("events")),
        "required": record.required,
        "tracks": tracks(given.config),
    }


def _days(keep: KeepConfig) -> Options:
    """Of files that hold all cameras."""
    return {"days": keep.days, "gb": keep.gb}


def overlay(given: Given) -> Options:
    config = given.config
    sources = config.named_sources.items()
    return {
        "labels": given.model.labels,
        "regions": {camera: regions_of(source) for camera, source in sources},
    }


def regions_of(source: SourceConfig) -> Regions:
    """What of the configuration of a source is drawn on its frames."""
    return Regions(
        zones=tuple(Zone(name, corners_of(zone.polygon)) for name, zone in source.zones.items()),
        lines=tuple(
            CountingLine(name, line.from_, line.to, line.a_to_b, line.b_to_a)
            for name, line in source.lines.items()
        ),
        ignored=tuple(corners_of(polygon) for polygon in source.filter.ignore),
    )


def web(given: Given) -> Options:
    assert given.config.web is not None
    return {
        **msgspec.structs.asdict(given.config.web),
        "archive": given.config.record.folder,
        "model": {"name": given.model.name, "sha256": given.model.sha256},
        "card": {"file": Path(given.model_path).name, **msgspec.structs.asdict(given.model)},
    }


def unrecorded(config: LineConfig) -> list[str]:
    """Names of the cameras whose recording is switched off."""
    return [name for name, source in config.named_sources.items() if not source.record]


def switched_on(before: LineConfig, after: LineConfig) -> list[str]:
    """Names of the cameras whose recording is on again."""
    off = unrecorded(after)
    return [name for name in unrecorded(before) if name in after.named_sources and name not in off]


def is_recorded(record: RecordConfig, camera: str) -> bool:
    """Whether pictures of this camera are kept while its recording is switched on."""
    kept = (record.continuous, record.snapshots, *record.clips.values())
    is_kept = any(rule is not None and camera in (rule.cameras or (camera,)) for rule in kept)
    return record.video is not None or is_kept


def recorder(given: Given) -> Options:
    record = given.config.record
    kept = {name: record.kept(name) for name in ARCHIVE_KINDS}
    cameras = dict.fromkeys(camera for limit in kept.values() for camera in limit.cameras)
    return {
        "folder": record.folder,
        "cameras": given.config.camera_names,
        "paused": unrecorded(given.config),
        "recorded_since": given.recorded_since,
        "began_ns": given.began_ns,
        "model": {"name": given.model.name, "sha256": given.model.sha256},
        "continuous": record.continuous,
        "clips": record.clips,
        "snapshots": record.snapshots,
        "limits": {
            "free_gb": record.free_gb,
            "kinds": {
                ARCHIVE_KINDS[name]: {"days": k.days, "gb": k.gb} for name, k in kept.items()
            },
            "cameras": {
                camera: {
                    ARCHIVE_KINDS[name]: limit.cameras[camera]
                    for name, limit in kept.items()
                    if camera in limit.cameras
                }
                for camera in cameras
            },
        },
    }


def webhook(given: Given) -> Options:
    assert given.config.webhook is not None
    options: Options = msgspec.to_builtins(given.config.webhook)
    return options


def mqtt(given: Given) -> Options:
    config = given.config
    assert config.mqtt is not None
    options: dict[str, Any] = msgspec.to_builtins(config.mqtt)
    labels = options.pop("labels")
    pace = {name: options.pop(name) for name in ("count_s", "clear_s", "age_s", "picture_s")}
    cameras = [
        {
            "name": name,
            "labels": labels or source.filter.labels or given.model.labels,
            "zones": {k: shape_of(v) for k, v in source.zones.items()},
            "lines": {k: [*{v.a_to_b: 0, v.b_to_a: 0}] for k, v in source.lines.items()},
            "detect": source.detect,
            "record": source.record if is_recorded(config.record, name) else None,
        }
        for name, source in config.named_sources.items()
    ]
    return options | {"pace": pace, "cameras": cameras}


def fleet(given: Given) -> Options:
    assert given.config.fleet is not None
    options: dict[str, Any] = msgspec.to_builtins(given.config.fleet)
    return options | {"model": {"name": given.model.name, "sha256": given.model.sha256}}


def record_video(given: Given) -> Options:
    record = given.config.record
    kept = [given.model_path, *(str(source.path) for source in source_files(given.config))]
    return {
        "path": record.video,
        "required": record.required,
        "kept": kept,
        "paused": unrecorded(given.config),
        "recorded_since": given.recorded_since,
    }
