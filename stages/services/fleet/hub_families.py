"""Every metric of a fleet that the hub's exporter shows: docs/fleet.md explains them.

Labels are names of sites, boards, cameras, streams and sensors, never a text that somebody outside
has a say in.
"""

from stages.services.metrics.families import Family, families_of

_BOARD = ("site", "board")
_CAMERA = (*_BOARD, "camera")

HUB_UP = Family(
    "thunderline_fleet_hub_up", "gauge", (), "1 while the exporter is connected to the hub.",
)  # fmt: skip
INFO = Family(
    "thunderline_fleet_board", "info", (*_BOARD, "host", "version", "model"),
    "What runs on the board.",
)  # fmt: skip
STATUS = Family(
    "thunderline_fleet_board_status", "stateset", (*_BOARD, "thunderline_fleet_board_status"),
    "1 for what is known of the board: up, silent (nobody knows), or stopped in order.",
)  # fmt: skip
SICK = Family(
    "thunderline_fleet_board_sick", "gauge", _BOARD,
    "1 where somebody should look: the board is silent or too hot, or a camera gives nothing.",
)  # fmt: skip
HEARD = Family(
    "thunderline_fleet_board_silent_seconds", "gauge", _BOARD,
    "Since the board was heard last, by the clock of the hub.", "seconds",
)  # fmt: skip
CLOCK = Family(
    "thunderline_fleet_board_clock_offset_seconds", "gauge", _BOARD,
    "How far the board's clock is ahead of the hub's.", "seconds",
)  # fmt: skip
TEMPERATURE = Family(
    "thunderline_fleet_board_temperature_celsius", "gauge", (*_BOARD, "sensor"),
    "The hottest sensor of each name on the board.", "celsius",
)  # fmt: skip
THROTTLED = Family(
    "thunderline_fleet_board_throttled", "gauge", _BOARD,
    "1 while the board is slowed down by heat or voltage; absent where nothing tells.",
)  # fmt: skip
RESTARTS = Family(
    "thunderline_fleet_board_restarts", "counter", _BOARD,
    "How often processes of the line were started again.",
)  # fmt: skip
WAITING = Family(
    "thunderline_fleet_outbox_messages", "gauge", _BOARD, "What waits on the board to be sent.",
)  # fmt: skip
WAITING_BYTES = Family(
    "thunderline_fleet_outbox_bytes", "gauge", _BOARD, "What waits on the board to be sent.",
    "bytes",
)  # fmt: skip
LOST = Family(
    "thunderline_fleet_outbox_lost", "counter", (*_BOARD, "reason"),
    "Messages that the board has given up.",
)  # fmt: skip
CAMERA_STATE = Family(
    "thunderline_fleet_camera_state", "stateset", (*_CAMERA, "thunderline_fleet_camera_state"),
    "1 for the state that the camera is in; absent while its board is not up.",
)  # fmt: skip
CAPTURED = Family(
    "thunderline_fleet_camera_captured", "counter", _CAMERA, "Frames that came into the line.",
)  # fmt: skip
PUBLISHED = Family(
    "thunderline_fleet_camera_published", "counter", _CAMERA, "Frames with a result.",
)  # fmt: skip
DROPS = Family(
    "thunderline_fleet_camera_drops", "counter", _CAMERA, "Frames without a result.",
)  # fmt: skip
FPS = Family(
    "thunderline_fleet_camera_results_per_second", "gauge", _CAMERA,
    "Results a second, as the board has seen it.",
)  # fmt: skip
AGE = Family(
    "thunderline_fleet_camera_age_seconds", "gauge", _CAMERA,
    "Half of the results are published sooner after their capture.", "seconds",
)  # fmt: skip
STORED = Family(
    "thunderline_fleet_stream_stored", "counter", ("stream",),
    "Messages that the stream of the hub has taken since it was made.",
)  # fmt: skip
MESSAGES = Family(
    "thunderline_fleet_stream_messages", "gauge", ("stream",), "Messages in the stream.",
)  # fmt: skip
BYTES = Family(
    "thunderline_fleet_stream_bytes", "gauge", ("stream",), "What the stream takes.", "bytes",
)  # fmt: skip
MOST_BYTES = Family(
    "thunderline_fleet_stream_limit_bytes", "gauge", ("stream",),
    "What the stream may take; absent where it has no limit.", "bytes",
)  # fmt: skip
LAG = Family(
    "thunderline_fleet_source_lag_messages", "gauge", ("stream", "site"),
    "What the hub has still to fetch from the site, as far as it knows.", "messages",
)  # fmt: skip
SOURCE_SILENT = Family(
    "thunderline_fleet_source_silent_seconds", "gauge", ("stream", "site"),
    "Since the site's server was heard last; absent if it never was.", "seconds",
)  # fmt: skip

FAMILIES = families_of(globals())
