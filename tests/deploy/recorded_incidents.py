"""Incidents of a real line, one after the other, as its metrics show them."""

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.deploy.incident import Phase, Scrape, scrape, scrape_in_vain
from tests.integration.mjpeg_camera import MjpegCamera
from tests.running_line import REPOSITORY, wait_until
from tests.stages.services.metrics.exposition import Key, key
from tests.stages.services.web.web_line import WebLine

CAPTURED = key("thunderline_frames_captured_total", camera="gate")
RESTARTS = key("thunderline_process_restarts_total", process="postprocess")
FAILED = key("thunderline_results_total", camera="gate", status="failed")
LIVE = key("thunderline_camera_state", camera="gate", thunderline_camera_state="live")
OLD = key("thunderline_result_age_seconds_bucket", camera="gate", le="1.0")
ALL = key("thunderline_result_age_seconds_bucket", camera="gate", le="+Inf")
FAILING_MODEL = REPOSITORY / "tests/golden/failing.onnx"  # on the two brightest of 16 frames


class Incidents(NamedTuple):
    """Of one line, one after the other; `failing` is of another one."""

    good: Phase
    stopped: Phase  # track, for more than a second
    silent: Phase  # publish is stopped, while the camera sends
    killed: Phase  # postprocess, several times
    absent: Phase  # the camera was pulled
    gone: Phase  # all of the line was killed
    failing: Phase  # the model of this line fails on some frames


def record_incidents(folder: Path, camera: MjpegCamera) -> Incidents:
    """The camera is gone in the end, and so is the line."""
    source: dict[str, object] = {"name": "gate", "uri": camera.url}
    failing = watch_failures(folder / "failing", source)
    with WebLine(folder / "line", [source], "track.enabled=true") as web:
        web.wait_for_results("gate")
        watch(web, 15)  # what comes at a start is over
        good = watch_without_drops(web)
        stopped = stop_track(web)
        watch(web, 15)
        silent = stop_publish(web)
        watch(web, 15)
        killed = kill_postprocess(web)
        watch(web, 15)
        absent = lose_camera(web, camera)
        return Incidents(good, stopped, silent, killed, absent, lose_board(web), failing)


def watch(web: WebLine, frames: int) -> Phase:
    """Until so many more frames have come."""
    before = scrape(web)
    wait_until(
        lambda: scrape(web).values[CAPTURED] >= before.values[CAPTURED] + frames, "frames come"
    )
    return Phase(before, scrape(web))


def watch_without_drops(web: WebLine) -> Phase:
    """A machine that others use, too, loses a frame now and then; not in each of many phases."""
    for _ in range(20):
        phase = watch(web, 20)
        if count_drops(phase.after.values) == count_drops(phase.before.values):
            return phase
    raise AssertionError("frames are dropped all the time")


def count_drops(values: Mapping[Key, float]) -> float:
    return sum(value for (name, _), value in values.items() if name == "thunderline_drops_total")


def count_old(web: WebLine) -> float:
    """Results that were older than a second."""
    values = scrape(web).values
    return values[ALL] - values[OLD]


def stop_track(web: WebLine) -> Phase:
    """What was on its way when the stage stopped is old when it is published, the rest dropped."""
    before = scrape(web)

    pid = web.line.kill("track", signal.SIGSTOP)
    time.sleep(3.0)  # what is old is so by the clock
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: count_old(web) > 0, "old results are published")
    return Phase(before, scrape(web))


def stop_publish(web: WebLine) -> Phase:
    pid = web.line.kill("publish", signal.SIGSTOP)
    before = scrape(web)
    wait_until(lambda: scrape(web).values[CAPTURED] > before.values[CAPTURED], "frames come")
    phase = Phase(before, scrape(web))
    os.kill(pid, signal.SIGCONT)
    return phase


def kill_postprocess(web: WebLine) -> Phase:
    before = scrape(web)
    for number in range(1, 5):
        web.line.kill_running("postprocess")
        _await_restarts(web, before.values[RESTARTS] + number)
    return Phase(before, scrape(web))


def _await_restarts(web: WebLine, count: float) -> None:
    """A successor that is killed before it has begun to work is in no count."""
    wait_until(lambda: scrape(web).values[RESTARTS] >= count, "restarts are counted")


def lose_camera(web: WebLine, camera: MjpegCamera) -> Phase:
    camera.close()
    camera.cut()
    wait_until(lambda: scrape(web).values[LIVE] == 0, "the camera is missed")
    before = scrape(web)
    time.sleep(0.5)
    return Phase(before, scrape(web))


def lose_board(web: WebLine) -> Phase:
    """The kernel kills the processes of a supervisor that is killed."""
    before, run_dir = scrape(web), web.line.run_dir()
    web.line.look()
    web.line.process.kill()
    found: list[Scrape] = []

    def is_gone() -> bool:
        found.extend(filter(None, [scrape_in_vain(web)]))
        return bool(found)

    wait_until(is_gone, "nobody answers")
    shutil.rmtree(run_dir)  # the next line would do this
    return Phase(before, found[0])


def watch_failures(folder: Path, source: dict[str, object]) -> Phase:
    """Of a line whose model fails on some frames of the same camera."""
    with WebLine(folder, [source], "track.enabled=true", model=FAILING_MODEL) as web:
        web.wait_for_results("gate")
        before = scrape(web)
        wait_until(lambda: scrape(web).values[FAILED] >= before.values[FAILED] + 4, "frames fail")
        return Phase(before, scrape(web))
