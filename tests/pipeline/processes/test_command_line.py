import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.processes.command_line import learn_arguments, redact_arguments
from pipeline.redact import forget, redact


@pytest.fixture(autouse=True)
def _know_nothing() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--source", "rtsp://admin:S3cr/etXYZ@cam"],
        ["--source=rtsp://admin:S3cr/etXYZ@cam"],
        ["--source", "rtsp://admin:S3cr", "etXYZ@cam", "--duration", "2"],  # a space, not quoted
        ["rtsp://admin:S3cr/etXYZ@cam"],  # the option was forgotten
        ["--set", "rtsp://admin:S3cr/etXYZ@cam"],
    ],
)
def test_the_secrets_of_a_command_line_are_known(arguments: list[str]) -> None:
    learn_arguments(arguments)
    assert redact("not S3cr nor etXYZ") == "not *** nor ***"


def test_a_path_beside_a_source_is_no_secret() -> None:
    learn_arguments(["--source", "http://cam/v?pwd=S3cret", "configs/pipeline/demo.yaml"])
    assert redact("configs/pipeline/demo.yaml S3cret") == "configs/pipeline/demo.yaml ***"


def test_the_kernel_shows_the_command_line_without_credentials() -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline.processes.command_line import *;"
        "learn_arguments(sys.argv[1:]); hide_arguments();"
        "print(Path('/proc/self/cmdline').read_text(), end='')"
    )
    address = "rtsp://admin:S3cr/etXYZ@cam/1"
    shown = subprocess.run(
        [sys.executable, "-c", program, "--source", address, "--check"],
        check=True, capture_output=True, text=True,
    ).stdout.rstrip("\0").split("\0")  # fmt: skip
    assert shown[-3:] == ["--source", "rtsp://***@cam/1", "--check"]


@given(st.lists(st.binary().filter(lambda argument: b"\0" not in argument)))
def test_any_command_line_keeps_its_length(arguments: list[bytes]) -> None:
    written = b"".join(argument + b"\0" for argument in arguments)
    assert len(redact_arguments(written)) == len(written)
