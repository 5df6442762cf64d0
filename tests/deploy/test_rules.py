"""The alerts, played back with what a real line showed in a good run and in incidents."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.deploy.incident import INSTANCE, UP, Part, Phase, make_test, scrape
from tests.integration.mjpeg_camera import MjpegCamera, stream
from tests.running_line import REPOSITORY, wait_until
from tests.stages.services.metrics.exposition import Key, key, promtool
from tests.stages.services.web.web_line import WebLine

RULES = REPOSITORY / "deploy/prometheus/thunderline.rules.yml"
CAPTURED = key("thunderline_frames_captured_total", camera="gate")
RESTARTS = key("thunderline_process_restarts_total", process="postprocess")
LIVE = key("thunderline_camera_state", camera="gate", thunderline_camera_state="live")
OLD = key("thunderline_result_age_seconds_bucket", camera="gate", le="1.0")
ALL = key("thunderline_result_age_seconds_bucket", camera="gate", le="+Inf")
STEPS = 48  # twelve minutes

Alert = dict[str, str]


class Incidents(NamedTuple):
    """Of one line, one after the other."""

    good: Phase
    stopped: Phase  # track, for more than a second
    silent: Phase  # publish is stopped, while the camera sends
    killed: Phase  # postprocess, several times
    absent: Phase  # the camera was pulled


def alert(name: str, severity: str, **labels: str) -> Alert:
    return {"alertname": f"ThunderLine{name}", "severity": severity, **INSTANCE, **labels}


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
    for _ in range(4):
        web.line.kill_running("postprocess")
    wait_until(
        lambda: scrape(web).values[RESTARTS] >= before.values[RESTARTS] + 4, "restarts are counted"
    )
    return Phase(before, scrape(web))


def lose_camera(web: WebLine, camera: MjpegCamera) -> Phase:
    camera.close()
    camera.cut()
    wait_until(lambda: scrape(web).values[LIVE] == 0, "the camera is missed")
    before = scrape(web)
    time.sleep(0.5)
    return Phase(before, scrape(web))


@pytest.fixture(scope="module")
def incidents() -> Iterator[Incidents]:
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    camera = MjpegCamera(lambda _: stream(iter(range(1 << 30)), fps=15))
    try:
        source: dict[str, object] = {"name": "gate", "uri": camera.url}
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
            yield Incidents(good, stopped, silent, killed, lose_camera(web, camera))
    finally:
        shutil.rmtree(folder)
        with suppress(OSError):  # it may be closed
            camera.close()


def check(tmp_path: Path, parts: Sequence[Part], *firing: Alert) -> None:
    shutil.copy(RULES, tmp_path)
    path = tmp_path / "test.yml"
    path.write_text(make_test(parts, firing, RULES.read_text()))
    promtool("test", "rules", str(path))


def test_the_rules_are_valid() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_a_good_run_is_silent(incidents: Incidents, tmp_path: Path) -> None:
    check(tmp_path, [Part(incidents.good, 2 * STEPS)])


def test_an_alert_that_does_not_fire_would_be_found(incidents: Incidents, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="FAILED"):
        check(
            tmp_path, [Part(incidents.good, STEPS)],
            alert("CameraAbsent", "critical", camera="gate", thunderline_camera_state="lost"),
        )  # fmt: skip


def test_a_camera_that_is_gone_is_told_and_nothing_else(
    incidents: Incidents, tmp_path: Path
) -> None:
    values = incidents.absent.after.values
    (state,) = [
        dict(labels)["thunderline_camera_state"]
        for (name, labels), value in values.items()
        if name == "thunderline_camera_state" and value == 1
    ]
    check(
        tmp_path,
        [Part(incidents.good, STEPS), Part(incidents.absent, STEPS)],
        alert("CameraAbsent", "critical", camera="gate", thunderline_camera_state=state),
    )


def test_old_results_and_drops_are_told(incidents: Incidents, tmp_path: Path) -> None:
    parts = [Part(incidents.good, STEPS), Part(incidents.stopped, STEPS)]
    firing = [
        alert(name, "warning", camera="gate") for name in ("ResultsOld", "DropsRising")
    ]  # fmt: skip
    for found in firing:
        del found["job"]  # added up by camera
    check(tmp_path, parts, *firing)


def test_a_camera_that_sends_and_gives_no_results_is_told(
    incidents: Incidents, tmp_path: Path
) -> None:
    check(
        tmp_path, [Part(incidents.good, STEPS), Part(incidents.silent, 8)],
        alert("NoResults", "critical", camera="gate"),
    )  # fmt: skip


def test_frames_on_which_a_stage_fails_are_told(incidents: Incidents, tmp_path: Path) -> None:
    """No stage of a sound line fails so often: the number is made up, one in ten and more."""
    failed = key("thunderline_results_total", camera="gate", status="failed")
    failing = incidents.good.showing(failed, incidents.good.before.values[failed] + 3)
    expected = alert("ResultsFailed", "warning", camera="gate")
    del expected["job"]  # added up by camera
    check(tmp_path, [Part(incidents.good, STEPS), Part(failing, STEPS)], expected)


def test_restarts_are_told(incidents: Incidents, tmp_path: Path) -> None:
    parts = [
        Part(incidents.good, STEPS),
        Part(incidents.killed, 1, once=True),
        Part(incidents.good, 20),
    ]
    check(tmp_path, parts, alert("ProcessRestarts", "warning", process="postprocess"))


def test_a_board_that_is_slowed_down_is_told(incidents: Incidents, tmp_path: Path) -> None:
    cool = incidents.good.showing(key("thunderline_throttled"), 0.0)
    slowed = incidents.good.showing(key("thunderline_throttled"), 1.0)
    hot = slowed.showing(key("thunderline_temperature_celsius", sensor="cpu-thermal"), 86.0)
    check(tmp_path, [Part(cool, STEPS)])
    check(
        tmp_path, [Part(cool, STEPS), Part(hot, STEPS)],
        alert("Throttled", "warning"), alert("Hot", "warning", sensor="cpu-thermal"),
    )  # fmt: skip


def test_a_line_that_does_not_answer_is_told(incidents: Incidents, tmp_path: Path) -> None:
    silent = Phase(incidents.good.before, incidents.good.after._replace(values={UP: 0.0}))
    check(
        tmp_path, [Part(incidents.good, STEPS), Part(silent, STEPS)],
        alert("Down", "critical"),
    )  # fmt: skip


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    for path in RULES.parent.iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "thunderline.token").write_text("secret")
    assert "SUCCESS" in promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_each_alert_says_what_and_where() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]
        assert {"summary", "description"} == rule["annotations"].keys(), rule["alert"]
        assert "$labels.instance" in rule["annotations"]["summary"], rule["alert"]
