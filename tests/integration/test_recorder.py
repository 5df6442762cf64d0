"""A real network camera is recorded, while the recorder is killed again and again."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

import pytest
import yaml

from stages.services.archive.layout import NS
from stages.services.archive.listing import Listing, Query
from stages.services.archive.sidecar import Sidecar, read_sidecar
from stages.services.recorder.resume import film_seconds
from tests.browser import COMMAND, Browser
from tests.conftest import StartLine
from tests.disks import mounted
from tests.films import check_with_ffmpeg, play_in_chromium
from tests.integration.changing_line import File, reload, start, wait_for_log
from tests.integration.test_rtsp import STEADY, _needs_gstreamer, serve
from tests.ports import free_port
from tests.running_line import RunningLine, wait_until

__all__ = ["_needs_gstreamer"]  # for all tests of this file, too

ZONE = "{all: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]], anchor: center}}"
KILLS = 2


def films(folder: Path) -> list[tuple[Path, Sidecar]]:
    """In the order of their beginnings."""
    found = [(path, read_sidecar(path)) for path in folder.rglob("[0-9]*Z*.mp4")]
    known = [(path, sidecar) for path, sidecar in found if sidecar is not None]
    assert len(known) == len(found)
    return sorted(known, key=lambda each: each[1].begin_unix_ns)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """24 MiB: more than has to be there before a recording goes on."""
    with mounted(tmp_path / "disk", "size=24m") as path:
        yield path


@pytest.fixture
def line(start_line: StartLine, tmp_path: Path) -> RunningLine:
    port = free_port()
    source = f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate, track: true, zones: {ZONE}}}"
    with serve(port, "320x240", "--bitrate", "256"):
        line = start_line(
            "--set", f"sources=[{source}]",
            "--set", f"record.folder={tmp_path}/record",
            "--set", "record.continuous={segment_s: 10}",
            "--set", "record.clips={visits: {events: [track_begin, zone_enter], post_s: 1}}",
        )  # fmt: skip
        record_under_fire(line, tmp_path / "record")
    return line


def has_begun(folder: Path, count: int) -> bool:
    """Whether there are so many files of the continuous recording, with something in each."""
    sizes = [path.stat().st_size for path in folder.glob("gate/*/[0-9]*.mp4")]
    return len(sizes) >= count and all(sizes)


def record_under_fire(line: RunningLine, folder: Path) -> None:
    """Kill the recorder between its films."""
    line.wait_for_messages(50)
    for kill in range(1, KILLS + 1):
        wait_until(partial(has_begun, folder, kill), "it records")
        line.kill_running("recorder")
        line.wait_for_more(40)
    line.process.terminate()
    assert line.wait() == 0, line.stderr


def test_every_film_plays_and_kills_leave_no_gap(line: RunningLine, tmp_path: Path) -> None:
    found = films(tmp_path / "record")
    with Browser() if COMMAND is not None else nullcontext() as browser:
        for path, sidecar in found:
            check_with_ffmpeg(path)
            if browser is not None:
                end_s, *_ = play_in_chromium(browser, path)
                wanted_s = (sidecar.end_unix_ns - sidecar.begin_unix_ns) / NS
                assert end_s == pytest.approx(wanted_s, abs=0.5), path
    continuous = [sidecar for path, sidecar in found if path.parent.name != "clips"]
    assert len(continuous) > KILLS
    for before, after in itertools.pairwise(continuous):
        assert after.gaps == []
        assert after.begin_unix_ns <= before.end_unix_ns + 100_000_000
    clips = [sidecar for path, sidecar in found if path.parent.name == "clips"]
    assert clips
    assert all(sidecar.events[0].kind in ("track_begin", "zone_enter") for sidecar in clips[:1])
    listed = Listing(tmp_path / "record").items(Query(limit=1000)).rows
    assert len(listed) == len(found)
    assert line.leftovers() == []


def test_a_signal_keeps_what_happens_now_and_the_last_films_are_finished(
    start_line: StartLine, tmp_path: Path
) -> None:
    """Neither a rule nor the page asks for packets here."""
    port, folder = free_port(), tmp_path / "record"
    source = f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate}}"
    with serve(port, "320x240", "--bitrate", "256"):
        line = start_line("--set", f"sources=[{source}]", "--set", f"record.folder={folder}")
        line.wait_for_messages(60)
        line.look()
        begun_ns = time.time_ns()
        children = line.children()
        for pid in (line.process.pid, *children.values()):  # as `systemctl kill` does
            os.kill(pid, signal.SIGUSR1)
        wait_until(
            lambda: any(p.stat().st_size for p in folder.rglob("clips/[0-9]*.mp4")), "a clip"
        )
        line.wait_for_more(40)
        assert line.children() == children
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    ((path, clip),) = films(folder)
    check_with_ffmpeg(path)
    assert (clip.why, clip.open) == ("asked for", False)
    assert clip.begin_unix_ns < begun_ns - NS
    assert clip.end_unix_ns > begun_ns
    assert path.with_suffix(".jpg").stat().st_size > 0
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


def test_a_capture_that_is_killed_costs_the_time_of_its_restart_and_the_gap_is_told(
    start_line: StartLine, tmp_path: Path
) -> None:
    """What it had sent before is still in the ring, and in the films."""
    port, folder = free_port(), tmp_path / "record"
    source = f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate, {STEADY}}}"
    with serve(port, "320x240", "--bitrate", "256"):
        line = start_line(
            "--set", f"sources=[{source}]", "--set", f"record.folder={folder}",
            "--set", "record.continuous={segment_s: 60}",
        )  # fmt: skip
        wait_until(partial(has_begun, folder, 1), "it records")
        line.wait_for_more(20)
        killed_ns = time.time_ns()
        line.kill_running("capture.gate")
        wait_until(partial(has_begun, folder, 2), "it goes on")
        line.wait_for_more(20)
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    found = films(folder)
    assert len(found) == 2
    for path, sidecar in found:
        check_with_ffmpeg(path)
        assert not sidecar.open
    before, after = (sidecar for _, sidecar in found)
    assert abs(before.end_unix_ns - killed_ns) < 2 * NS
    (gap,) = after.gaps
    assert gap.why == "the camera was not read"
    assert (gap.begin_unix_ns, gap.end_unix_ns) == (before.end_unix_ns, after.begin_unix_ns)
    assert gap.end_unix_ns > killed_ns


@pytest.mark.usefixtures("default_hang_up")
def test_a_recorder_that_hears_of_no_switch_and_is_killed_keeps_nothing_of_the_time_between(
    start_line: StartLine, tmp_path: Path
) -> None:
    """It hangs while recording is switched off and on; what was sent meanwhile is in the ring."""
    port, file, folder = free_port(), File(tmp_path), tmp_path / "record"
    source = {"uri": f"rtsp://127.0.0.1:{port}/test", "name": "gate"}
    record = {"folder": str(folder), "continuous": {"segment_s": 600}}

    def write(*, is_on: bool) -> None:
        file.content |= {"sources": [source | {"record": is_on}], "record": record}
        file.write(yaml.safe_dump(file.content))

    write(is_on=True)
    with serve(port, "320x240", "--bitrate", "256"):
        line = start(start_line, file)
        wait_until(partial(has_begun, folder, 1), "it records")
        line.kill("recorder", signal.SIGSTOP)
        off_ns = time.time_ns()
        write(is_on=False)
        reload(line)
        wait_for_log(line, "sources[0].record: true -> false")
        line.wait_for_more(50)
        on_ns = time.time_ns()
        write(is_on=True)
        reload(line)
        wait_for_log(line, "sources[0].record: false -> true")
        line.kill_running("recorder")
        wait_until(partial(has_begun, folder, 2), "it goes on")
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    (_, first), (path, second) = films(folder)
    check_with_ffmpeg(path)
    assert first.end_unix_ns < off_ns + NS
    assert second.begin_unix_ns >= on_ns
    assert [gap.why for gap in second.gaps] == ["recording was switched off"]


def test_a_disk_that_is_full_stops_recording_with_one_error_until_there_is_room(
    start_line: StartLine, small_disk: Path
) -> None:
    """On a real file system without room, which gets some later."""
    port, folder, ballast = free_port(), small_disk / "record", small_disk / "ballast"
    source = f"{{uri: 'rtsp://127.0.0.1:{port}/test', name: gate, {STEADY}}}"
    with serve(port, "320x240", "--bitrate", "512"):
        line = start_line(
            "--set", f"sources=[{source}]", "--set", f"record.folder={folder}",
            "--set", "record.continuous={segment_s: 600}", "--set", "record.free_gb=0",
        )  # fmt: skip
        wait_until(partial(has_begun, folder, 1), "it records")
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        wait_until(lambda: line.complaints("recording stops") > 0, "the disk is full")
        full = next(folder.rglob("[0-9]*Z.mp4"))
        shown = film_seconds(full)
        assert shown is not None
        line.wait_for_more(40)  # frames do not wait for the disk
        ballast.unlink()
        wait_until(partial(has_begun, folder, 2), "it goes on")
        line.wait_for_more(20)
        line.process.terminate()
        assert line.wait() == 0, line.stderr
    found = films(folder)
    for path, _ in found:
        check_with_ffmpeg(path)
    assert film_seconds(full) == shown
    (gap,) = found[-1][1].gaps
    assert gap.why.startswith("the disk: No space left on device") or "packets" in gap.why
    assert line.complaints("recording stops: No space left on device") == 1
