"""The archive with a million clips, and what it costs to keep what a camera sends."""

import re
import time
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from pipeline.memory.packet import PacketFlag
from stages.recording.video_file import VideoFile
from stages.scene.street import Street, parse_scene_uri
from stages.services.archive.clock import ClockWatch, Memory
from stages.services.archive.index import Index
from stages.services.archive.layout import NS, Kind
from stages.services.archive.listing import Listing, Query
from stages.services.archive.retention import Limit, Limits, Retention
from tests.benchmarks.measured_line import cpu_ns
from tests.benchmarks.report import Row, report
from tests.conftest import StartLine
from tests.stages.services.archive.files import DAY_NS, NOON_NS, SetClock
from tests.stages.services.recorder.camera import MadeUpCamera, coded
from tests.stages.services.recorder.test_clips import late_clips
from tests.stages.services.recorder.test_continuous import Room

pytestmark = pytest.mark.bench

CLIPS, DAYS, CAMERAS = 1_000_000, 365, 8
ROUNDS = 20
SECONDS, MBIT, FPS = 300, 4, 25
EVENTS = 1000
WATCHED_S = 60
FILMED = 75  # frames


def fill(index: Index, clips: int) -> None:
    step_ns = DAYS * DAY_NS // clips
    rows = (
        (f"cam{i % CAMERAS}/day/clips/{i}.mp4", "clip", f"cam{i % CAMERAS}",
         NOON_NS - (clips - i) * step_ns, NOON_NS - (clips - i) * step_ns + 20 * NS,
         1_000_000, 0, 0, 0, "person", "visits", 0)
        for i in range(clips)
    )  # fmt: skip
    with index.change() as db:
        db.executemany(
            "INSERT INTO items (path, kind, camera, begin_ns, end_ns, bytes, open, protected,"
            " rank, labels, why, notes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def best_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        times.append((time.perf_counter() - begin) * 1e3)
    return round(min(times), 2)


def test_archive_table(tmp_path: Path) -> None:
    rows: list[Row] = []
    for clips in (CLIPS // 100, CLIPS):
        folder = tmp_path / str(clips)
        index = Index.open(folder)
        fill(index, clips)
        listing = Listing(folder)
        day = Query(NOON_NS - 100 * DAY_NS, NOON_NS - 99 * DAY_NS, limit=1000)
        clock = SetClock()
        limits = Limits(0.0, {"clip": Limit(days=DAYS + 1.0, gb=1e6)})
        watch = ClockWatch(clock, Memory(clock.unix_ns(), 0))
        retention = Retention(index, limits, watch, free_bytes=lambda: 1 << 40)
        rows.append({
            "clips": clips,
            "a day, first 1000 ms": best_ms(lambda: listing.items(day)),  # noqa: B023
            "a day of a camera ms": best_ms(
                lambda: listing.items(day._replace(camera="cam3", kind=Kind.CLIP))  # noqa: B023
            ),
            "newest 100 ms": best_ms(lambda: listing.items(Query())),  # noqa: B023
            "a turn of the retention ms": best_ms(retention.take_turn),
        })  # fmt: skip
    report("archive", "The index of what is kept", rows)


def test_continuous_recording_table(tmp_path: Path) -> None:
    camera = MadeUpCamera(tmp_path / "run", ring_bytes=16 << 20)
    _, packets = coded(25)
    filler = b"\0\0\1\x0c" + b"\xff" * (MBIT * 1_000_000 // 8 // FPS)  # a unit that says nothing
    ring: Any = camera._ring
    room = Room(tmp_path / "record", camera, segment_s=60.0)
    spent = 0.0
    for number in range(SECONDS * FPS):
        data, is_key = packets[number % len(packets)]
        ring.put(
            data + filler,
            flags=PacketFlag.KEY if is_key else PacketFlag.NONE,
            pts=number, dts=number, duration=1, pts_ns=number * NS // FPS,
            arrived_unix_ns=NOON_NS + number * NS // FPS,
        )  # fmt: skip
        if number % 6 == 5:  # four turns a second
            begin = time.process_time()
            room.continuous.take_turn()
            spent += time.process_time() - begin
    begin = time.process_time()
    room.end()
    spent += time.process_time() - begin
    size = sum(path.stat().st_size for path in (tmp_path / "record").rglob("*.mp4"))
    row: Row = {
        "Mbit/s": round(size * 8 / SECONDS / 1e6, 2),
        "share of a core %": round(100 * spent / SECONDS, 2),
    }
    report("recorder", "Continuous recording of a camera", [row], ["finished films included"])


def test_clips_of_random_events_begin_in_time(tmp_path: Path) -> None:
    late = late_clips(tmp_path, EVENTS, seed=7)
    report("clips", "Clips of random events", [{"events": EVENTS, "late": len(late)}])
    assert late == []


def cpu_ms(work: Callable[[], object], times: int) -> float:
    """CPU time of this process for each of so many calls, in all of its threads."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times * 1e3


def test_annotated_films_table(tmp_path: Path) -> None:
    """What a frame of `record.video` costs, beside MPEG-4 Part 2 as it was recorded before."""
    rows: list[Row] = []
    for width, height in ((1280, 720), (1920, 1080)):
        street = Street(parse_scene_uri(f"scene://street?seed=7&width={width}&height={height}"))
        frames = [np.empty((height, width, 3), np.uint8) for _ in range(FILMED)]
        for number, frame in enumerate(frames):
            street.draw(number, frame)
        paths = {name: tmp_path / f"{name}{width}.mp4" for name in ("part2", "h264")}
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(paths["part2"]), fourcc, FPS, (width, height))
        video = VideoFile(paths["h264"], (width, height), anew=True)
        numbers = count()

        def add() -> None:
            number = next(numbers)  # noqa: B023
            video.add(frames[number % FILMED], number, number * NS // FPS)  # noqa: B023

        turn = cycle(frames)
        before = [cpu_ms(lambda: writer.write(next(turn)), FILMED) for _ in range(3)]  # noqa: B023
        now = [cpu_ms(add, FILMED) for _ in range(3)]
        writer.release()
        video.close()
        written = 3 * FILMED
        sizes = {name: path.stat().st_size / written / 1000 for name, path in paths.items()}
        rows.append({
            "frames": f"{width}x{height}",
            "MPEG-4 Part 2 ms": round(min(before), 2),
            "H.264 ms": round(min(now), 2),
            "ratio": round(min(now) / min(before), 2),
            "kB a frame, before": round(sizes["part2"], 1),
            "kB a frame": round(sizes["h264"], 1),
        })  # fmt: skip
    report("annotated", "CPU time for a frame of an annotated film", rows)


def make_film(path: Path) -> Path:
    """Ten seconds of 1080p at about 4 Mbit/s, with a key frame each two seconds."""
    rng = np.random.default_rng(3)
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.bit_rate = MBIT * 1_000_000
        stream.options = {
            "preset": "ultrafast", "tune": "zerolatency", "g": str(2 * FPS), "maxrate": "4M",
            "bufsize": "2M",
        }  # fmt: skip
        noise = rng.integers(0, 255, (1080 + 250, 1920, 3), np.uint8)
        for number in range(10 * FPS):
            image = np.ascontiguousarray(noise[number : number + 1080])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        film.mux(stream.encode(None))
    return path


def memory_mib(pid: int) -> dict[str, float]:
    """Pages that processes share count in parts: the process is forked from a common one."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.M)}
    kinds = {"its share of memory": "Pss", "of it written": "Private_Dirty", "resident": "Rss"}
    return {kind: round(kib[field] / 1024, 1) for kind, field in kinds.items()}


def test_recording_in_a_line_table(start_line: StartLine, tmp_path: Path) -> None:
    """CPU and memory of the recorder's process, with and without continuous recording."""
    film = make_film(tmp_path / "film.mp4")
    source = f"{{uri: '{film}', name: gate, loop: true, realtime: true, fps: 2}}"
    rows: list[Row] = []
    for name, more in (
        ("events alone", ()),
        ("continuous", ("--set", "record.continuous={segment_s: 20}")),
    ):
        folder = tmp_path / name.split()[0]
        line = start_line(
            "--set", f"sources=[{source}]", "--set", f"record.folder={folder}", *more
        )  # fmt: skip
        line.wait_for_messages(2)
        pid = line.pid("recorder")
        begin_ns, begin_s = cpu_ns(pid), time.monotonic()
        time.sleep(WATCHED_S)
        passed_s, spent_ns = time.monotonic() - begin_s, cpu_ns(pid) - begin_ns
        memory = memory_mib(pid)
        line.process.terminate()
        line.wait()
        size = sum(path.stat().st_size for path in folder.rglob("*.mp4"))
        rows.append({
            "recorded": name,
            "MB": round(size / 1e6, 1),
            "share of a core %": round(spent_ns / passed_s / 1e7, 2),
            **{f"{kind}, MiB": mib for kind, mib in memory.items()},
        })  # fmt: skip
    report("recording", "The recorder beside a camera of 1080p, 4 Mbit/s, 25 fps", rows)
