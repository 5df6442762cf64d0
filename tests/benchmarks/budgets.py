"""What each process of the line may take: CPU time per frame and resident memory.

Half as much again as was measured with everything recorded, on the drawn street in 720p at 25
frames a second: on two virtual cores of an Intel Xeon with AVX-512 in a shared host, 2026-11-29.
`make bench` measures it again, and fails where a process takes more.
"""

from typing import NamedTuple


class Budget(NamedTuple):
    """The most that one process may take."""

    cpu_ms: float  # per frame, all of its threads
    resident_mib: float  # rings and libraries in it, as each process that has them counts them


# By row of stages/graph.py, and the two processes that every line has beside its rows.
BUDGETS = {
    "supervisor": Budget(1.2, 65),
    "fork_server": Budget(0.1, 105),  # PyAV beside OpenCV and ONNX Runtime: 94 on 2026-11-30
    "capture": Budget(20.0, 255),  # it draws the street, and keeps what it has drawn once
    "preprocess": Budget(2.5, 85),
    "detect": Budget(13.0, 150),
    "postprocess": Budget(1.7, 60),
    "track": Budget(2.0, 65),
    "publish": Budget(2.3, 60),
    "record_jsonl": Budget(1.3, 60),
    "overlay": Budget(3.6, 115),
    "record_video": Budget(12.0, 105),
    "recorder": Budget(0.5, 90),
    "webhook": Budget(0.6, 70),  # nothing happens most of the time
    "mqtt": Budget(0.6, 110),  # no broker is there: what is to be told waits
    "fleet": Budget(0.6, 100),  # no server is there
    "web": Budget(0.35, 90),  # while nobody looks
}
