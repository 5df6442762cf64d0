"""The alerts, played back with what a real line showed in a good run and in incidents."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.deploy.incident import INSTANCE, Part, make_test
from tests.deploy.recorded_incidents import FAILED, Incidents, record_incidents
from tests.integration.mjpeg_camera import MjpegCamera, stream
from tests.running_line import REPOSITORY
from tests.stages.services.metrics.exposition import key, promtool

RULES = REPOSITORY / "deploy/prometheus/thunderline.rules.yml"
STEPS = 48  # twelve minutes

Alert = dict[str, str]


def alert(name: str, severity: str, **labels: str) -> Alert:
    return {"alertname": f"ThunderLine{name}", "severity": severity, **INSTANCE, **labels}


@pytest.fixture(scope="module")
def incidents() -> Iterator[Incidents]:
    folder = Path(tempfile.mkdtemp(prefix="line-"))
    camera = MjpegCamera(lambda _: stream(iter(range(1 << 30)), fps=15))
    try:
        yield record_incidents(folder, camera)
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
    before, after = incidents.failing
    results = sum(
        after.values[place] - before.values[place]
        for place in after.values
        if place[0] == "thunderline_results_total"
    )
    failed = after.values[FAILED] - before.values[FAILED]
    assert 0.05 < failed / results < 0.5, "other frames give results"
    expected = alert("ResultsFailed", "warning", camera="gate")
    del expected["job"]  # added up by camera
    check(tmp_path, [Part(incidents.good, STEPS), Part(incidents.failing, STEPS)], expected)


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


def test_a_line_that_does_not_answer_is_told_and_nothing_else(
    incidents: Incidents, tmp_path: Path
) -> None:
    check(
        tmp_path, [Part(incidents.good, STEPS), Part(incidents.gone, STEPS)],
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
