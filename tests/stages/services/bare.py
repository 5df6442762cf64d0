"""What a service is given of a line, made by hand, without anything that a service does not need:
programs that import no more than this take the memory that the service itself takes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.links.sockets import messages_address
from pipeline.memory.event_log import EventLogReader
from pipeline.service import FrameView, LedgerView, PacketView, ServiceContext
from tests.pipeline.frames import make_run

CAMERA = "yard"


def make_context(run_dir: Path, alive: Callable[[], bool], name: str = "service") -> ServiceContext:
    """Of a run with one camera."""
    run = make_run(run_dir)
    return ServiceContext(
        name, messages_address(run_dir), LedgerView(run), FrameView(run),
        PacketView(run), alive, EventLogReader(run_dir),
    )  # fmt: skip


def make_fleet_options(folder: Path, port: int, **changed: Any) -> dict[str, Any]:
    """Those of the service `fleet`, as the table makes them of a configuration."""
    options: dict[str, Any] = {
        "server": f"127.0.0.1:{port}", "site": "hall", "board": "board-3", "user": None,
        "password_file": None, "ca": None, "certificate": None, "key": None, "configure": False,
        "counters_s": 1.0, "detections_s": None, "keepalive_s": 5,
        "outbox": {
            "path": f"{folder}/{{name}}.fleet", "max_mb": changed.pop("max_mb", 32.0),
            "max_age_h": 168.0,
        },
        "model": {"name": "tiny", "sha256": "ab"},
    }  # fmt: skip
    return options | changed
