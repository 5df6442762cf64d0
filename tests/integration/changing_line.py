"""A line whose configuration changes while it runs, and what is seen of that."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline.client import DetectionMessage
from tests.clips import make_clip
from tests.conftest import StartLine
from tests.running_line import RunningLine, wait_until

NOTHING, MUCH = 0.999, 0.11  # thresholds: one that no detection of the clip passes, and a low one


class File:
    """The configuration of a line, to be changed while the line runs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "line.yaml"
        clip = make_clip(folder / "clip.avi", 16)
        source = {"uri": str(clip), "loop": True, "realtime": True, "track": True}
        self.content: dict[str, Any] = {"sources": [source]}
        self.set_score(NOTHING)

    def set_score(self, score: float, **sections: Any) -> None:
        self.content |= {"postprocess": {"score_thresh": score}, **sections}
        self.write(yaml.safe_dump(self.content))

    def write(self, text: str) -> None:
        """In one step, as editors do: the line may be reading it."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.replace(self.path)


def reload(line: RunningLine) -> None:
    """Ask for it by SIGHUP, which a line ignores that was begun under `nohup`, as tests may be."""
    status = Path(f"/proc/{line.process.pid}/status").read_text()
    ignored = int(re.search(r"^SigIgn:\s*(\w+)", status, re.MULTILINE)[1], 16)  # type: ignore[index]
    assert not ignored >> (signal.SIGHUP - 1) & 1, "usefixtures('default_hang_up') is missing"
    line.process.send_signal(signal.SIGHUP)


def wait_for_log(line: RunningLine, text: str) -> None:
    wait_until(lambda: text in line.stderr, f"the log says '{text}'")


def last(line: RunningLine) -> DetectionMessage:
    return line.messages()[-1]


def wait_for_detections(line: RunningLine, *, some: bool) -> None:
    """Until the newest of three more frames has some, or none."""
    line.wait_for_more(3)
    wait_until(lambda: bool(last(line).detections) == some, "the detections changed")


def finish(line: RunningLine, end: Callable[[], None] | None = None) -> None:
    """End the line, by Ctrl-C when left out: every frame has its message, and nothing is left."""
    line.run_dir()
    line.look()
    if end is None:
        line.process.send_signal(signal.SIGINT)
    else:
        end()
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert [m.frame_id for m in messages] == [m.seq for m in messages] == list(range(len(messages)))
    assert all(m.status == "ok" and not m.drops for m in messages)
    assert line.leftovers() == []


def start(start_line: StartLine, file: File, *arguments: str, **options: Any) -> RunningLine:
    line: RunningLine = start_line(file.path, *arguments, **options)
    line.wait_for_messages(3)
    return line
