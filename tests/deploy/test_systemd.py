"""The unit of `thunderline install-service` under a real systemd. Opt-in: `make test-container`.

One machine for all tests, which are in the order of a service's life.
"""

import re
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.containers import Containers
from tests.deploy.systemd_machine import Machine, why_not
from tests.running_line import wait_until

CONFIG, UNIT = "/etc/thunderline/gate.yaml", "thunderline"
PASSWORD = "Kuckucksuhr"
SLOW_MACHINE_S = 240.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


class Service:
    """ThunderLine in a machine, from the command that installs it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        machine.write("/etc/thunderline/gate.password", PASSWORD, "600")
        self.write()
        said = self.call(
            "thunderline", "install-service", "--config", CONFIG,
            "--credential", "gate:/etc/thunderline/gate.password",
        )  # fmt: skip
        assert said.startswith(f"wrote /etc/systemd/system/{UNIT}.service"), said
        self.call("systemctl", "daemon-reload")
        self.call("systemctl", "enable", UNIT)

    def write(self, **street: object) -> None:
        """A drawn camera, and one that is away."""
        away = {"name": "gate", "uri": "rtsp://line:${credential:gate}@127.0.0.1:9/none"}
        drawn = {"name": "street", "uri": "scene://street?seed=5&fps=5", **street}
        record = {"jsonl": "/var/lib/thunderline/out.jsonl"}
        text = yaml.safe_dump({"sources": [drawn, away], "record": record})
        self.machine.write(CONFIG, text, "644")

    def call(self, *command: str) -> str:
        return self.machine.try_call(*command)

    def show(self, name: str) -> str:
        return self.call("systemctl", "show", "--value", "--property", name, UNIT)

    def journal(self, *options: str) -> str:
        return self.call("journalctl", "--no-pager", "--output", "cat", "--unit", UNIT, *options)

    def wait_for(self, name: str, value: str) -> None:
        wait_until(lambda: self.show(name) == value, f"{name} is {value}", SLOW_MACHINE_S,
                   pause_s=1.0)  # fmt: skip

    def wait_for_results(self) -> None:
        seen = re.compile(r"street [\d.]*[1-9][\d.]* fps")
        wait_until(lambda: bool(seen.search(self.show("StatusText"))), "results come",
                   SLOW_MACHINE_S, pause_s=1.0)  # fmt: skip

    def kill(self, name: str) -> str:
        """Send a signal to the first process; returns its number."""
        pid = self.show("MainPID")
        self.call("sh", "-c", f"kill -{name} {pid}")  # no system is too small to have that
        return pid


@pytest.fixture(scope="module")
def service(containers: Containers) -> Iterator[Service]:
    machine = Machine(containers)
    yield Service(machine)
    machine.end()


def test_it_starts_at_boot_and_tells_what_it_does(service: Service) -> None:
    service.machine.boot_again()
    service.wait_for("ActiveState", "active")
    service.wait_for_results()
    assert "gate connecting" in service.show("StatusText")
    assert service.call("thunderline", "health").endswith(": well")


def test_it_has_a_user_of_its_own_and_no_rights(service: Service) -> None:
    status = service.call("cat", f"/proc/{service.show('MainPID')}/status")
    told = {
        key: value.split() for key, _, value in (row.partition(":") for row in status.splitlines())
    }
    assert int(told["Uid"][0]) >= 61184  # systemd's range for dynamic users
    assert int(told["CapEff"][0], 16) == int(told["CapBnd"][0], 16) == 0
    assert (told["NoNewPrivs"], told["Seccomp"]) == (["1"], ["2"])


def test_the_password_is_in_no_command_environment_or_journal(service: Service) -> None:
    shown = service.call(
        "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"
    )
    assert f"run\n{CONFIG}" in shown
    assert PASSWORD not in shown
    journal = service.call("journalctl", "--no-pager")
    assert "rtsp://***@127.0.0.1:9/none" in journal
    assert PASSWORD not in journal


def test_reload_has_the_configuration_read_again(service: Service) -> None:
    pid = service.show("MainPID")
    service.write(filter={"labels": ["person"]})
    service.call("systemctl", "reload", UNIT)
    wait_until(lambda: "configuration: in force in track" in service.journal(), "it is in force",
               SLOW_MACHINE_S, pause_s=1.0)  # fmt: skip
    assert service.show("MainPID") == pid


def test_killed_it_is_started_again_and_leaves_nothing(service: Service) -> None:
    service.kill("KILL")
    service.wait_for("NRestarts", "1")
    service.wait_for("ActiveState", "active")
    service.wait_for_results()
    assert len(service.call("ls", "/dev/shm").split()) == 1


def test_stuck_it_is_started_again_by_the_watchdog(service: Service) -> None:
    drop_in = f"/run/systemd/system/{UNIT}.service.d/watchdog.conf"
    service.machine.write(drop_in, "[Service]\nWatchdogSec=20\n", "644")
    service.call("systemctl", "daemon-reload")
    service.call("systemctl", "restart", UNIT)
    service.wait_for("ActiveState", "active")
    assert service.show("NRestarts") == "0"
    stopped = service.kill("STOP")
    service.wait_for("NRestarts", "1")
    assert "Watchdog timeout (limit 20s)!" in service.journal()
    service.wait_for("ActiveState", "active")
    assert service.show("MainPID") != stopped


def test_it_stops_in_order(service: Service) -> None:
    service.wait_for_results()
    service.call("systemctl", "stop", UNIT)
    service.wait_for("ActiveState", "inactive")
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")
    assert service.call("ls", "/dev/shm") == ""


def test_a_configuration_that_is_refused_is_told_as_an_error_and_not_tried_again(
    service: Service,
) -> None:
    service.write(nonsense=1)
    service.call("systemctl", "start", UNIT)
    service.wait_for("ActiveState", "failed")
    assert (service.show("NRestarts"), service.show("ExecMainStatus")) == ("0", "2")
    assert "error: /etc/thunderline/gate.yaml: " in service.journal("--priority", "err")
