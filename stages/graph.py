"""The line. Every process of it is a row here, and nothing else starts one.

    capture -> preprocess -> detect -> postprocess -> track -> publish -> record_jsonl
    (one per    (one)        (replicas)                 |         |
     source)                                            |         +.....> services
                                                        +-----> overlay -> record_video

A row names the stage it reads from. STREAM feeds a stage that keeps up with every camera; DISPATCH
one that may not: there the frames of live cameras wait, and the newest wins.

`when` says whether a row runs; without it, it always does. A reader of a row that does not run
reads what that row reads. `hot` names the options that may change while the line runs. A service
reads the published messages; frames never wait for it.
"""

from pipeline.topology import LinkKind, ServiceRow, StageRow, Topology
from pipeline.topology import make_topology as apply_table
from stages import options
from stages.config import LineConfig


def records_jsonl(config: LineConfig) -> bool:
    return config.record.jsonl is not None or config.record.events is not None


def records_video(config: LineConfig) -> bool:
    return config.record.video is not None


def keeps_files(config: LineConfig) -> bool:
    return config.record.folder is not None


def serves_web(config: LineConfig) -> bool:
    return config.web is not None


def sends_webhooks(config: LineConfig) -> bool:
    return config.webhook is not None


def tells_mqtt(config: LineConfig) -> bool:
    return config.mqtt is not None


def joins_fleet(config: LineConfig) -> bool:
    return config.fleet is not None


def replicas(config: LineConfig) -> int:
    return config.detect.replicas


STAGES: tuple[StageRow, ...] = (
    StageRow("capture", "stages.capture:Capture", options=options.capture),
    StageRow("preprocess", "stages.preprocess:Preprocess", reads="capture",
             options=options.preprocess, hot=("gates", "paused")),
    StageRow("detect", "stages.detect:Detect", reads="preprocess", link=LinkKind.DISPATCH,
             heavy=True, hands_on_idle=True, preload=False, replicas=replicas,
             options=options.detect),
    StageRow("postprocess", "stages.postprocess:Postprocess", reads="detect", ordered=True,
             options=options.postprocess, hot=("method", "iou_thresh", "sigma", "score_thresh")),
    StageRow("track", "stages.tracking.track:Track", reads="postprocess", when=options.picks,
             options=options.track, hot=("cameras",)),
    StageRow("publish", "stages.publish:Publish", reads="track", results=True,
             options=options.publish, hot=("tracks",)),
    StageRow("record_jsonl", "stages.recording.record_jsonl:RecordJsonl", reads="publish",
             link=LinkKind.DISPATCH, depth=4, when=records_jsonl, options=options.record_jsonl,
             hot=("tracks",)),
    StageRow("overlay", "stages.overlay:Overlay", reads="track", when=records_video,
             options=options.overlay, hot=("regions",)),
    StageRow("record_video", "stages.recording.record_video:RecordVideo", reads="overlay",
             link=LinkKind.DISPATCH, depth=2, when=records_video, options=options.record_video,
             hot=("kept", "paused", "recorded_since")),
)  # fmt: skip

SERVICES: tuple[ServiceRow, ...] = (
    ServiceRow("recorder", "stages.services.recorder.service:Recorder", when=keeps_files,
               options=options.recorder, hot=("cameras", "paused", "recorded_since")),
    ServiceRow("web", "stages.services.web.service:Web", controls=True, when=serves_web,
               options=options.web,
               hot=("listen", "hosts", "token_file", "certificate", "key")),
    ServiceRow("webhook", "stages.services.webhook.service:Webhook", when=sends_webhooks,
               options=options.webhook),
    ServiceRow("mqtt", "stages.services.mqtt.service:Mqtt", controls=True, when=tells_mqtt,
               options=options.mqtt, hot=("cameras",)),
    ServiceRow("fleet", "stages.services.fleet.service:Fleet", controls=True, when=joins_fleet,
               options=options.fleet),
)  # fmt: skip


ROWS: tuple[StageRow | ServiceRow, ...] = (*STAGES, *SERVICES)


def make_topology(config: LineConfig) -> Topology:
    """The rows that run with this configuration."""
    return apply_table(STAGES, SERVICES, config)
