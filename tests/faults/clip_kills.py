"""Kills of the recorder while clips are written: is any lost, and does every film play?

    python -m tests.faults.clip_kills --folder out/clip_kills --kills 500

A made-up camera sends in real time, events happen at random, and the recorder is killed with
SIGKILL at random instants and started again at once. After ten kills all is looked at: each event
has to be in a clip, and every film has to decode picture by picture, in order, into what the camera
has sent. What was found is appended to `turns.jsonl` in the folder, so a campaign that is
interrupted goes on where it was.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import msgspec

from pipeline.client import EventMessage
from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_view import PacketReader
from stages.services.archive.layout import NS
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.recorder.service import Recorder, RecorderOptions
from tests.pipeline.messages import make_event
from tests.stages.services.recorder.camera import FPS, MODEL, MadeUpCamera, coded, grey

TURNS, KILLS_OF_A_TURN = "turns.jsonl", 10
KINDS, PRE_S, POST_S = ("line_cross", "zone_enter"), 1.0, 1.0
RULE = {
    "events": KINDS, "cameras": (), "regions": (), "labels": (), "min_score": 0.0,
    "pre_s": PRE_S, "post_s": POST_S, "join_s": 0.5, "max_s": 10.0,
}  # fmt: skip
GROUP = 10  # pictures: a key frame each second
LAST_S = 4.0  # after the last kill, for what goes on


class Events:
    """Those of a file, as `EventLog` has those of the run: all again for each process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def read(self) -> Iterator[EventMessage]:
        with contextlib.suppress(FileNotFoundError):
            with self._path.open("rb") as file:
                file.seek(self._read)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                yield msgspec.json.decode(line, type=EventMessage)


class Context:
    """What the recorder needs of a `ServiceContext`."""

    cameras = ("gate",)

    def __init__(self, folder: Path, end: Path) -> None:
        self._folder, self._end = folder, end
        self.packets, self.frames = self, self
        self.events = Events(folder / "events.jsonl")

    def open(self, _camera: str) -> PacketReader | None:
        try:
            return PacketReader(packets_path(self._folder / "run", 0))
        except FileNotFoundError:
            return None

    def beat(self) -> None:
        """Nobody watches it."""

    def is_running(self) -> bool:
        return not self._end.exists()

    def messages(self) -> Iterator[None]:
        while self.is_running():
            time.sleep(0.05)
            yield None


def record(folder: Path) -> None:
    """The process that is killed."""
    options = msgspec.convert(
        {
            "folder": str(folder / "record"), "limits": {"free_gb": 0.0}, "model": MODEL,
            "continuous": {"cameras": (), "segment_s": 10.0}, "clips": {"visits": RULE},
            "cameras": Context.cameras,
        },
        RecorderOptions,
    )  # fmt: skip
    context: Any = Context(folder, folder / "end")
    recorder = Recorder(options, context)
    recorder.run()
    recorder.close()


def send(folder: Path, seed: int) -> None:
    """The camera, and what happens before it."""
    rng = random.Random(seed)
    camera = MadeUpCamera(folder / "run", group=GROUP, ring_bytes=8 << 20, begin_ns=time.time_ns())
    began_s, seq, next_s = time.monotonic(), 0, 2.0
    leave_s: float | None = None
    with (folder / "events.jsonl").open("ab", buffering=0) as events:
        while not (folder / "end").exists():
            passed_s = time.monotonic() - began_s
            camera.send(max(passed_s - camera.sent / FPS, 0.0))
            kind = None
            if leave_s is not None and passed_s >= leave_s:
                kind, leave_s = "zone_leave", None
            elif leave_s is None and passed_s >= next_s and not (folder / "last").exists():
                kind = rng.choice(KINDS)
                if kind == "zone_enter":
                    leave_s = passed_s + rng.uniform(0.2, 2.0)
                next_s = passed_s + rng.uniform(0.3, 1.5)
            if kind is not None:
                event = make_event(
                    seq, "gate", kind=kind, region="yard", captured_unix_ns=time.time_ns()
                )
                events.write(msgspec.json.encode(event) + b"\n")
                seq += 1
            time.sleep(0.05)


def turn(folder: Path, seed: int, kills: int) -> dict[str, Any]:
    """So many kills, and what is left of them."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "run").mkdir(parents=True)
    coded(GROUP)  # for the camera, which is a fork of this process
    fork = multiprocessing.get_context("fork")  # as the line starts its processes
    camera = fork.Process(target=send, args=(folder, seed))
    camera.start()
    rng = random.Random(seed)
    for _ in range(kills):
        recorder = fork.Process(target=record, args=(folder,))
        recorder.start()
        assert recorder.pid is not None
        time.sleep(rng.uniform(0.05, 2.0))
        os.kill(recorder.pid, signal.SIGKILL)
        recorder.join()
    (folder / "last").touch()
    recorder = fork.Process(target=record, args=(folder,))
    recorder.start()
    time.sleep(LAST_S)
    (folder / "end").touch()
    recorder.join()
    camera.join()
    if recorder.exitcode != 0:
        raise SystemExit(f"{folder}: the last recorder ended with {recorder.exitcode}")
    return look(folder) | {"seed": seed, "kills": kills}


def look(folder: Path) -> dict[str, Any]:
    """How many events and films there are, and which are lost, late or do not play."""
    events = list(Events(folder / "events.jsonl").read())
    found = [
        (path, read_sidecar(path)) for path in sorted((folder / "record").rglob("[0-9]*Z*.mp4"))
    ]
    known = [(path, sidecar) for path, sidecar in found if sidecar is not None]
    clips = [(path, sidecar) for path, sidecar in known if path.parent.name == "clips"]
    kept = {event.seq for _, sidecar in clips for event in sidecar.events}
    wanted = [event for event in events if event.kind in KINDS]
    return {
        "events": len(wanted),
        "clips": len(clips),
        "films": len(found),
        "lost": [event.seq for event in wanted if event.seq not in kept],
        "late": [event.seq for event in wanted if event.seq in kept and not covers(event, clips)],
        "unplayable": [path.name for path, _ in found if not plays(path)],
        "without sidecar": [path.name for path, sidecar in found if sidecar is None],
    }


def covers(event: EventMessage, clips: Sequence[tuple[Path, Sidecar]]) -> bool:
    """Whether clips show the event from `pre_s` before until `post_s` after, without a gap.

    A picture is sent each tenth of a second, so no more than two are missing at an end.
    """
    begin = event.captured_unix_ns - round(PRE_S * NS)
    end = event.captured_unix_ns + round(POST_S * NS)
    slack = round(0.25 * NS)
    at = None
    for _, sidecar in sorted(clips, key=lambda each: each[1].begin_unix_ns):
        if at is None and sidecar.begin_unix_ns <= begin and sidecar.end_unix_ns >= begin:
            at = sidecar.end_unix_ns
        elif at is not None and sidecar.begin_unix_ns <= at + slack:
            at = max(at, sidecar.end_unix_ns)
    return at is not None and at >= end - slack


def plays(path: Path) -> bool:
    """Whether each picture decodes, and they follow one another."""
    try:
        opened: Any = av.open(str(path))
        with opened as film:
            shown = [float(f.to_ndarray(format="gray").mean()) for f in film.decode(video=0)]
    except (av.error.FFmpegError, OSError, IndexError):
        return False
    first = min(range(64), key=lambda number: abs(grey(number) - shown[0])) if shown else 0
    return bool(shown) and all(
        abs(level - grey(first + number)) <= 2 for number, level in enumerate(shown)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("out/clip_kills"))
    parser.add_argument("--kills", type=int, default=500, help="in all, with those of before")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / TURNS
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    while sum(each["kills"] for each in done) < options.kills:
        seed = len(done)
        done.append(turn(options.folder / "turn", seed, KILLS_OF_A_TURN))
        with path.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        sys.stdout.write(f"{json.dumps(done[-1])}\n")
        sys.stdout.flush()
    total = {
        key: sum(each[key] if isinstance(each[key], int) else len(each[key]) for each in done)
        for key in ("kills", "events", "clips", "films", "lost", "late", "unplayable")
    }
    sys.stdout.write(f"{json.dumps(total)}\n")
    return 1 if total["lost"] or total["unplayable"] else 0


if __name__ == "__main__":
    sys.exit(main())
