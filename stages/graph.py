"""The line. Every process of it is a row here, and nothing else starts one.

    capture -> preprocess -> detect -> postprocess -> publish -> record_jsonl
    (one per    (one)        (replicas)      |
     source)                                 +-----> overlay -> record_video

A row names the stage it reads from. STREAM feeds a stage that keeps up with every camera; DISPATCH
one that may not: there the frames of live cameras wait, and the newest wins.
"""

from pipeline.topology import LinkKind, StageRow, Topology

STAGES = (
    StageRow("capture", "stages.capture:Capture"),
    StageRow("preprocess", "stages.preprocess:Preprocess", reads="capture"),
    StageRow("detect", "stages.detect:Detect", reads="preprocess", link=LinkKind.DISPATCH,
             heavy=True),
    StageRow("postprocess", "stages.postprocess:Postprocess", reads="detect", ordered=True),
    StageRow("publish", "stages.publish:Publish", reads="postprocess", results=True),
    StageRow("record_jsonl", "stages.record_jsonl:RecordJsonl", reads="publish",
             link=LinkKind.DISPATCH, depth=4),
    StageRow("overlay", "stages.overlay:Overlay", reads="postprocess"),
    StageRow("record_video", "stages.record_video:RecordVideo", reads="overlay",
             link=LinkKind.DISPATCH, depth=2),
)  # fmt: skip


def make_topology(*, jsonl: bool, video: bool) -> Topology:
    """The rows that a run needs: recorders only where something is recorded."""
    left_out = set[str]()
    if not jsonl:
        left_out.add("record_jsonl")
    if not video:
        left_out |= {"overlay", "record_video"}
    return Topology(tuple(row for row in STAGES if row.name not in left_out))
