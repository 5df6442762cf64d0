"""What only a process of the line can find wrong: it says so, and the line ends with code 2.

What is wrong before anything starts is in tests/test_cli.py.
"""

import re
import socket
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from tests.clips import make_clip, make_folder
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.ports import free_port
from tests.recordings import assert_frames_in_order
from tests.running_line import wait_until


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.avi", 20)


def refuse(start_line: StartLine, *arguments: object, **options: object) -> str:
    """What the line says when it refuses to go on."""
    line = start_line(*arguments, **options)
    while line.process.poll() is None:
        line.look()
        time.sleep(0.005)
    assert line.wait() == 2, line.stdout + line.stderr
    assert line.leftovers() == []
    return line.stderr


def test_a_file_that_is_no_video_is_refused(start_line: StartLine, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video at all\n" * 50)
    said = refuse(start_line, "--source", path)
    assert f"{path}: this file cannot be opened as video" in said


def test_frames_before_the_cut_of_a_truncated_file_are_delivered(
    start_line: StartLine, tmp_path: Path
) -> None:
    whole = make_clip(tmp_path / "whole.avi", 100, size=(320, 240)).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    line = start_line("--source", cut)
    assert line.wait() == 0, line.stderr
    messages = line.messages()
    assert 30 < len(messages) < 70
    lost = {reason for message in messages for reason in message.drops}
    assert lost <= {"damaged"}  # the one that was cut through, if a message came after it
    assert_frames_in_order([msgspec.structs.replace(m, drops={}) for m in messages])
    assert f"{len(messages)} frames could be decoded: truncated or damaged?" in line.stderr


def test_a_model_whose_graph_is_not_what_its_metadata_say_is_refused(
    start_line: StartLine, clip: Path, tmp_path: Path, tiny_model: Path
) -> None:
    path = tmp_path / "mismatch.onnx"
    content = tiny_model.read_bytes()
    assert content.count(b'"input_wh": [64, 64]') == 1
    path.write_bytes(content.replace(b'"input_wh": [64, 64]', b'"input_wh": [32, 32]'))
    said = refuse(start_line, "--source", clip, model=path)
    assert "graph and metadata disagree: expected" in said
    assert "[32, 32, 3]" in said
    assert "[64, 64, 3]" in said


def test_a_port_in_use_is_refused(start_line: StartLine, clip: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        said = refuse(start_line, "--source", clip, "--set", f"publish.endpoint={endpoint}")
    assert (
        f"publish.endpoint: cannot listen at {endpoint}: Address already in use; "
        "is another line running there?" in said
    )


def test_a_local_address_in_use_is_refused(
    start_line: StartLine, clip: Path, short_dir: Path
) -> None:
    endpoint = f"publish.endpoint=ipc://{short_dir}/same"
    first = start_line(*endless(clip), "--set", endpoint)
    first.wait_for_messages(1)
    said = refuse(start_line, "--source", clip, "--set", endpoint)
    assert f"cannot listen at ipc://{short_dir}/same: Address already in use" in said
    first.process.terminate()
    assert first.wait() == 0
    assert not (short_dir / "same").exists()


def test_a_ring_that_does_not_fit_is_refused_with_both_figures(
    start_line: StartLine, tmp_path: Path
) -> None:
    """4096 frames of this size are some 100 GB."""
    folder = make_folder(tmp_path / "images", [(3840, 2160)])
    said = refuse(start_line, "--source", folder, "--set", "ring.slots=4096")
    found = re.search(r"expected (\d+) bytes free, got (\d+); grow it with: mount -o remount", said)
    assert found, said
    assert int(found[1]) > 4096 * 3840 * 2160 * 3
    assert int(found[2]) < int(found[1])
    assert "or lower ring.slots" in said


def test_a_file_with_frames_larger_than_allowed_is_refused(
    start_line: StartLine, clip: Path
) -> None:
    said = refuse(start_line, "--source", clip, "--set", "ring.max_pixels=2000")
    expected = "expected frames of at most 2000 pixels (ring.max_pixels), got 64x48"
    assert f"{clip}: {expected}" in said


def test_a_camera_with_frames_larger_than_allowed_is_absent_and_the_other_goes_on(
    start_line: StartLine, clip: Path, tmp_path: Path
) -> None:
    small = make_clip(tmp_path / "small.avi", 20, size=(48, 32))
    line = start_line(
        *("--set", f"sources=[{{uri: {clip}, live: true}}, {{uri: {small}, loop: true}}]"),
        *("--set", "ring.max_pixels=2000"),
    )
    line.wait_for_messages(40)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert {message.camera for message in line.messages()} == {"cam1"}
    assert f"{clip}: expected frames of at most 2000 pixels" in line.stderr


def shm_of_its_own(options: str) -> tuple[str, ...]:
    """A wrapper that gives a line a shared memory of its own."""
    # In a mount name space, so that no other process sees it.
    mount = f'mount -t tmpfs -o {options} tmpfs /dev/shm && exec "$@"'
    wrap = ("unshare", "--mount", "sh", "-c", mount, "sh")
    if subprocess.run([*wrap, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small /dev/shm (root)")
    return wrap


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("size=2m", r"shared memory at /dev/shm/\S+: expected \d+ bytes free, got \d+; grow it"),
        ("nr_inodes=2", "error: shared memory at /dev/shm: No space left on device\n"),
        ("ro", "error: shared memory at /dev/shm: Read-only file system\n"),
    ],
)
def test_a_shared_memory_that_cannot_hold_the_run_is_refused(
    start_line: StartLine, tmp_path: Path, options: str, what: str
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 20, size=(640, 480))
    assert re.search(what, refuse(start_line, "--source", clip, wrap=shm_of_its_own(options)))


def test_the_password_of_a_camera_is_never_printed(start_line: StartLine) -> None:
    uri = f"rtsp://admin:S3cret@127.0.0.1:{free_port()}/stream?token=T0ken"
    line = start_line("--source", uri, "--set", "log=DEBUG")
    wait_until(lambda: "Connection refused" in line.stderr, "it was tried")
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    said = line.stdout + line.stderr
    assert "rtsp://***@127.0.0.1" in said
    assert not re.search("S3cret|T0ken|admin", said)
