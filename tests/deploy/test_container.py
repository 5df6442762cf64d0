"""The image of deploy/container, built and run as docs/container.md says.

Opt-in, `make test-container`: it takes minutes, and Debian's packages buildah, podman, crun and
debootstrap. `ARCHITECTURE=arm64` makes and runs that image, under emulation where it must.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from pipeline.client import DetectionSubscriber
from tests.arm.difference import Frame, compare, detections_of, read_recording
from tests.arm.model_files import SCORE_THRESH
from tests.arm.parts import judge
from tests.deploy.containers import IMAGE, IS_EMULATED, Containers, poor_mans_options, why_not
from tests.ports import free_port
from tests.running_line import REPOSITORY, wait_until
from tests.stages.services.web.street_film import StreetFilm
from tests.test_docs import blocks

NAME = "thunderline"
# Its processes share what other tests leave, and an emulator takes ten times as long.
SLOW_MACHINE_S = 7200.0 if IS_EMULATED else 240.0
EMULATED = {"start_s": 3600, "frame_s": 600} if IS_EMULATED else {}
MODEL = "thundernet-snet49-street11"
COMPARED = 5  # frames

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


def documented_options() -> list[str]:
    """What stands between `podman run` and the image on the page."""
    (command,) = (
        block for block in blocks(REPOSITORY / "docs/container.md", "sh")
        if block.startswith("podman run ")
    )  # fmt: skip
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["podman", "run"]
    assert words[-1] == IMAGE
    return words[2:-1]


class Running:
    """A container that runs a line with a film of the drawn street, over and over."""

    def __init__(self, containers: Containers, folder: Path) -> None:
        self.containers = containers
        self.film = StreetFilm(folder).path
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.config = folder / "line.yaml"
        self.write(jsonl="/data/out.jsonl")
        options = [word.replace("/etc/thunderline", str(folder)) for word in documented_options()]
        containers.podman("run", *options, *poor_mans_options(), f"localhost/{IMAGE}")

    def write(self, **record: str) -> None:
        street = {"name": "street", "uri": self.film.name, "loop": True, "realtime": True}
        told = {"model": MODEL, "sources": [street], "publish": {"endpoint": self.endpoint},
                "postprocess": {"score_thresh": SCORE_THRESH}, "record": record,
                "limits": EMULATED}  # fmt: skip
        self.config.write_text(yaml.safe_dump(told))
        self.config.chmod(0o644)

    def call(self, *command: str) -> str:
        """What a command in the container prints; whether it fails does not matter."""
        ended = self.containers.try_podman("exec", NAME, *command)
        return ended.stdout + ended.stderr

    def log(self) -> str:
        ended = self.containers.try_podman("logs", NAME)
        return ended.stdout + ended.stderr

    def recorded(self) -> list[Frame]:
        """Detections of the frames of the film, the first time it is shown."""
        ended = self.containers.try_podman("exec", NAME, "cat", "/data/out.jsonl")
        return detections_of(ended.stdout.encode())

    def is_healthy(self) -> bool:
        return self.containers.try_podman("healthcheck", "run", NAME).returncode == 0


@pytest.fixture(scope="module")
def running(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("config")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # the line has another user than the tests
    return Running(containers, folder)


def test_messages_arrive_and_it_is_healthy(running: Running) -> None:
    # Health is asked afterwards: it costs an emulator seconds, which the start of the line needs.
    wait_until(lambda: bool(running.recorded()), "it has begun", SLOW_MACHINE_S, pause_s=2.0)
    with DetectionSubscriber(running.endpoint, timeout_s=SLOW_MACHINE_S, status=False) as received:
        messages = [received.receive() for _ in range(3)]
    assert {message.camera for message in messages if message} == {"street"}
    wait_until(running.is_healthy, "it is healthy", SLOW_MACHINE_S, pause_s=2.0)
    assert running.call("thunderline", "health").endswith(": well\n")


def test_it_finds_what_this_machine_finds(running: Running, tmp_path: Path) -> None:
    wait_until(lambda: len(running.recorded()) >= COMPARED, "it has recorded", SLOW_MACHINE_S,
               pause_s=2.0)  # fmt: skip
    source = {"uri": str(running.film), "live": False}
    settings = {"sources": msgspec.json.encode([source]).decode(),
                "record.jsonl": tmp_path / "out.jsonl", "publish.endpoint": f"ipc://{tmp_path}/pub",
                "postprocess.score_thresh": SCORE_THRESH}  # fmt: skip
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "run_pipeline.py", "--model", MODEL, *sets]
    subprocess.run(command, check=True, cwd=REPOSITORY, capture_output=True)
    ours = read_recording(tmp_path / "out.jsonl")
    difference = compare(ours[:COMPARED], running.recorded()[:COMPARED], SCORE_THRESH)
    judge(MODEL, difference)


def test_it_has_no_rights_and_writes_nothing_but_its_data(running: Running) -> None:
    assert running.call("id", "--user") == "10001\n"
    assert "Read-only file system" in running.call("touch", "/opt/thunderline/new")
    assert "Read-only file system" in running.call("touch", "/etc/new")
    assert "\nCapBnd:\t0000000000000000\n" in running.call("cat", "/proc/1/status")
    assert "\nNoNewPrivs:\t1\n" in running.call("cat", "/proc/1/status")
    assert running.call("ls", "/data").split() == ["out.jsonl"]
    assert running.call("stat", "--format", "%u:%g", "/data") == "10001:10001\n"


def test_it_holds_nothing_of_the_machine_that_built_it(running: Running) -> None:
    places = ("/etc/pip.conf", "/run/secrets", "/root/.cache", "/source")
    listing = running.containers.try_podman("exec", "--user", "0:0", NAME, "find", *places).stderr
    assert listing.count("No such file or directory") == len(places), listing
    assert running.call("find", "/opt/thunderline", "-path", "*/site-packages/pip*") == ""


def test_it_reads_its_configuration_again(running: Running) -> None:
    running.write(jsonl="/data/out.jsonl")
    running.containers.podman("kill", "--signal", "HUP", NAME)
    wait_until(lambda: "configuration: nothing has changed" in running.log(), "SIGHUP is heard")


def test_shared_memory_that_does_not_suffice_is_told_with_the_option(running: Running) -> None:
    options = [*poor_mans_options(), "--rm", "--read-only", "--shm-size", "1m"]
    config = ("--volume", f"{running.config.parent}:/config:ro", "--network", "host")
    changed = (
        "run",
        "/config/line.yaml",
        "--set",
        f"publish.endpoint=tcp://127.0.0.1:{free_port()}",
    )
    ended = running.containers.try_podman("run", *options, *config, f"localhost/{IMAGE}", *changed)
    assert ended.returncode == 2
    assert "(in a container: --shm-size=" in ended.stdout + ended.stderr


def test_a_command_that_is_none_lists_those_there_are(running: Running) -> None:
    ended = running.containers.try_podman(
        "run", "--rm", *poor_mans_options(), f"localhost/{IMAGE}", "rum"
    )
    assert ended.returncode == 2
    assert "error: expected a command, got 'rum'" in ended.stderr
    assert "\n  install-service " in ended.stderr


def test_it_stops_in_order(running: Running) -> None:
    """The last test: the line has no successor."""
    running.containers.podman("stop", "--time", "60", NAME)
    state = running.containers.podman("inspect", "--format", "{{.State.ExitCode}}", NAME)
    assert state == "0\n"
    assert not running.is_healthy()
    assert "busiest: core" in running.log()
