"""Every metric that there is: docs/metrics.md explains them.

Names follow the rules of Prometheus and OpenMetrics: base units, and the kind as a suffix, which
is not part of the names here. Labels are names of the configuration and of the model, never
process ids, addresses or texts that a stranger has a say in.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram", "info", "stateset"]


class Family(NamedTuple):
    """One metric, with the names of its labels."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    unit: str = ""  # the end of the name


def families_of(module: Mapping[str, object]) -> tuple[Family, ...]:
    """Those that have a name there, in the order of its lines."""
    return tuple(value for value in module.values() if isinstance(value, Family))


BUILD = Family(
    "thunderline_build", "info", ("version", "model", "model_sha256"),
    "Versions of ThunderLine and of the model file.",
)  # fmt: skip
CAPTURED = Family(
    "thunderline_frames_captured", "counter", ("camera",), "Frames that came into the line.",
)  # fmt: skip
RESULTS = Family(
    "thunderline_results", "counter", ("camera", "status"),
    "Frames with a result: ok, idle (nothing moved, nobody looked), or failed.",
)  # fmt: skip
DROPS = Family(
    "thunderline_drops", "counter", ("camera", "place", "reason"),
    "Frames without a result, or with one that is missing from a recording.",
)  # fmt: skip
STATE = Family(
    "thunderline_camera_state", "stateset", ("camera", "thunderline_camera_state"),
    "1 for the state that the camera is in.",
)  # fmt: skip
STATE_SINCE = Family(
    "thunderline_camera_state_since_timestamp_seconds", "gauge", ("camera",),
    "UNIX time at which the camera's state began.", "seconds",
)  # fmt: skip
EPOCHS = Family(
    "thunderline_camera_epochs", "counter", ("camera",),
    "How often the camera was connected, or sent another size of picture.",
)  # fmt: skip
WIDTH = Family(
    "thunderline_frame_width_pixels", "gauge", ("camera",), "Width of the camera's frames.",
    "pixels",
)  # fmt: skip
HEIGHT = Family(
    "thunderline_frame_height_pixels", "gauge", ("camera",), "Height of the camera's frames.",
    "pixels",
)  # fmt: skip
LAST_RESULT = Family(
    "thunderline_last_result_timestamp_seconds", "gauge", ("camera",),
    "UNIX time of the last result; absent before the first.", "seconds",
)  # fmt: skip
AGE = Family(
    "thunderline_result_age_seconds", "histogram", ("camera",),
    "From the capture of a frame to the publication of its result.", "seconds",
)  # fmt: skip
STAGE_TIME = Family(
    "thunderline_stage_duration_seconds", "histogram", ("stage",),
    "How long a stage works on a frame.", "seconds",
)  # fmt: skip
PROCESS_FRAMES = Family(
    "thunderline_process_frames", "counter", ("process",), "Frames that the process has finished.",
)  # fmt: skip
RESTARTS = Family(
    "thunderline_process_restarts", "counter", ("process",),
    "How often the process was started again.",
)  # fmt: skip
CPU = Family(
    "thunderline_process_cpu_seconds", "counter", ("process",),
    "Processor time of the process that runs now.", "seconds",
)  # fmt: skip
MEMORY = Family(
    "thunderline_process_memory_bytes", "gauge", ("process",),
    "Resident memory of the process, without rings and libraries.", "bytes",
)  # fmt: skip
TEMPERATURE = Family(
    "thunderline_temperature_celsius", "gauge", ("sensor",), "Of each sensor of the board.",
    "celsius",
)  # fmt: skip
THROTTLED = Family(
    "thunderline_throttled", "gauge", (),
    "1 while the board is slowed down by heat or voltage; absent where nothing tells.",
)  # fmt: skip
TRACKS = Family(
    "thunderline_tracks", "counter", ("camera", "label"), "Tracked objects that have come.",
)  # fmt: skip
CROSSINGS = Family(
    "thunderline_line_crossings", "counter", ("camera", "line", "direction", "label"),
    "Crossings of counting lines.",
)  # fmt: skip
ENTRIES = Family(
    "thunderline_zone_entries", "counter", ("camera", "zone", "label"), "Entries into zones.",
)  # fmt: skip
OCCUPANCY = Family(
    "thunderline_zone_occupancy", "gauge", ("camera", "zone"),
    "How many objects were in the zone after its last event.",
)  # fmt: skip

FAMILIES = families_of(globals())
