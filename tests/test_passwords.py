"""Whatever is wrong with the command line, a configuration or the code: no password is printed."""

import subprocess
import sys
from pathlib import Path

import pytest

import run_pipeline
from tests.conftest import Refuse


def test_a_password_in_a_wrong_configuration_is_never_printed(refuse: Refuse) -> None:
    said = refuse("--set", "sources=[{uri: 'rtsp://admin:S3cret@cam/1', naxme: yard}]")
    assert "did you mean 'name'?" in said
    assert "S3cret" not in said


def test_a_password_in_a_value_of_the_wrong_type_is_never_printed(refuse: Refuse) -> None:
    said = refuse("--set", "sources=rtsp://admin:S3cret@cam/1")
    assert "sources: Expected `array`, got `str`" in said
    assert "S3cret" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--source", "rtsp//admin:S3cretXYZ@127.0.0.1/x"],
        ["--source", "admin:S3cretXYZ@127.0.0.1:1/x"],
        ["--source", "rtsp:/admin:S3cr etXYZ@127.0.0.1/x"],
        ["--source", "file://admin:S3cretXYZ@nas/clip.mp4"],
        ["--source", "scene://street?peeple=3&token=S3cretXYZ"],
        ["rtsp://admin:S3cr/etXYZ@127.0.0.1/x"],  # the option is missing: a configuration
        ["--source", "rtsp://admin:S3cr", "etXYZ@127.0.0.1:1/s"],  # the quotes are missing
        ["--set", "rtsp://admin:S3cr/etXYZ@127.0.0.1"],
        ["--set", "sources=[{uri: rtsp://admin:S3cr/etXYZ@cam, live: maybe}]"],
        ["--set", "sources=[{uri: http://cam/v?pwd=S3cr/etXYZ, name: etXYZ etXYZ}]"],
        ["--set", "sources=[{uri: 'rtsp://admin:S3cr: etXYZ@cam', rtsp_transport: 'etXYZ'}]"],
        ["--set", "sources=[{uri: 'rtsp://admin:S3cr: etXYZ@cam'"],  # no YAML
        ["--set", "sources=[rtsp://admin:S3cr: etXYZ@cam]"],
        ["--set", "sources=[{'rtsp://admin:S3cr/etXYZ@cam': 1}]"],
        ["--set", "sources=[{uri: 'rtsp://admin:S3cretXYZ@" + "x" * 300 + "', loop: 7}]"],
        ["--set", "publish.endpoint=udp://admin:S3cretXYZ@board"],
        ["--model", "http://admin:S3cr/etXYZ@nas/x.onnx"],
    ],
)
def test_no_refusal_repeats_a_password(arguments: list[str], refuse: Refuse) -> None:
    said = refuse(*arguments)
    assert "S3cr" not in said
    assert "etXYZ" not in said


def test_no_refused_option_repeats_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["--duration", "rtsp://admin:S3cr/etXYZ@cam"],
        ["--sauce", "rtsp://admin:S3cr/etXYZ@cam"],
        ["a.yaml", "rtsp://admin:S3cr", "etXYZ@cam"],
    ):
        with pytest.raises(SystemExit):
            run_pipeline.main(arguments)
        said = capsys.readouterr().err
        assert "error: " in said
        assert "S3cr" not in said
        assert "etXYZ" not in said


def test_a_line_of_yaml_that_is_wrong_is_named_and_not_repeated(
    refuse: Refuse, tmp_path: Path
) -> None:
    path = tmp_path / "line.yaml"
    path.write_text('sources:\n  - uri: "rtsp://admin:S3cr\\etXYZ@cam/1"\n  name: [gate\n')
    said = refuse(path)
    assert said.startswith(f"configuration {path}: not YAML: line ")
    assert "S3cr" not in said
    assert "etXYZ" not in said


def test_a_crash_repeats_no_password(repository: Path) -> None:
    program = (
        "import threading; from pipeline import log; log.guard_crashes();"
        "address = 'rtsp://admin:S3cr/etXYZ@cam/1';"
        "thread = threading.Thread(target=open, args=(address,)); thread.start(); thread.join();"
        "open(address)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("No such file or directory: 'rtsp://***@cam/1'") == 2
    assert "S3cr" not in done.stderr.replace(program, "")
