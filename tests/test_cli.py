"""The command line: help, checks, and refusals before anything starts."""

import os
import re
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import run_pipeline
from pipeline import log
from pipeline.keys import make_keys
from stages.line.status_line import terminal_columns
from tests.clips import make_clip, make_folder
from tests.conftest import Refuse
from tests.ports import free_port


@pytest.fixture(autouse=True)
def _restore_log() -> Iterator[None]:
    yield
    log.leave()  # the command line logs to what pytest has put in place of standard error


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.avi", 3)


@pytest.fixture
def check(tiny_model: Path, short_dir: Path) -> list[str]:
    """Arguments of a check that takes no port from tests beside it."""
    endpoint = f"publish.endpoint=ipc://{short_dir}/pub"
    return ["--check", "--model", str(tiny_model), "--set", endpoint]


def test_help_names_every_option_and_exit_code() -> None:
    help_text = run_pipeline.make_parser().format_help()
    for option in (
        "--source",
        "--model",
        "--set",
        "--duration",
        "--check",
        "--draw-zones",
        "--list-cameras",
        "config",
    ):
        assert option in help_text
    assert "Exit codes: 0" in help_text


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("run_pipeline.py --help", 0, "usage: run_pipeline.py"),
        ("-m pipeline.client --help", 0, "usage: python -m pipeline.client"),
        (
            "-m pipeline.processes.fork_server",
            2,
            "standard input: expected the socket of a supervisor: ",
        ),
    ],
)
def test_modules_that_are_commands_start_in_a_process_of_their_own(
    command: str, code: int, said: str, repository: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", *command.split()],
        cwd=repository, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False, text=True,
    )  # fmt: skip
    assert done.returncode == code
    assert done.stdout.startswith(said)


def test_a_check_shows_who_runs_where_and_starts_nothing(
    clip: Path, tmp_path: Path, check: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "out.jsonl"
    recording.write_text("of an earlier run\n")
    code = run_pipeline.main(
        [*check, "--source", str(clip), "--set", f"record.jsonl={recording}"]
    )  # fmt: skip
    assert code == 0
    said = capsys.readouterr().out
    assert "everything is in order; nothing was started" in said
    for name in ("capture.cam0", "preprocess", "detect", "postprocess", "publish", "record_jsonl"):
        assert name in said
    assert recording.read_text() == "of an earlier run\n"


def test_a_check_makes_no_folder(
    clip: Path, tmp_path: Path, check: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*check, "--source", str(clip)]
    record = [
        f"--set=record.jsonl={tmp_path}/a/out.jsonl",
        f"--set=record.video={tmp_path}/b/c.mp4",
    ]
    assert run_pipeline.main([*arguments, *record]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [clip.name]


@pytest.mark.parametrize("name", ["default.yaml", "demo.yaml"])
def test_each_configuration_of_the_project_passes_its_check(
    name: str, repository: Path, check: list[str], tmp_path: Path
) -> None:
    recordings = [f"--set=record.jsonl={tmp_path}/a.jsonl", f"--set=record.video={tmp_path}/a.mp4"]
    web = f"--set=web.listen=127.0.0.1:{free_port()}"  # a demo may run beside the tests
    path = repository / "configs/pipeline" / name
    arguments = [str(path), *check, *recordings, web]
    assert run_pipeline.main(arguments) == 0


def test_a_configuration_works_from_any_working_directory(
    check: list[str], clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own paths are below its folder, and the shipped model is where ThunderLine is."""
    (clip.parent / "line.yaml").write_text(f"sources: [{{uri: {clip.name}}}]\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run_pipeline.main(["../line.yaml", *check]) == 0


def test_commands_of_the_docstring_parse() -> None:
    parser = run_pipeline.make_parser()
    assert parser.description is not None
    commands = re.findall(r"^    python run_pipeline\.py(.*?)(?:  .*)?$", parser.description, re.M)
    own_parsers = (" detect", " cameras", " bench")
    commands = [command for command in commands if not command.startswith(own_parsers)]
    assert len(commands) == 5
    for command in commands:
        parser.parse_args(command.split())


def test_a_missing_file_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "none.mp4"
    assert refuse("--source", path) == f"{path}: no such file, folder or camera"


def test_a_name_too_long_for_the_file_system_is_refused(refuse: Refuse) -> None:
    assert refuse("--source", "x" * 300) == f"{'x' * 300}: File name too long"


def test_a_scene_that_is_none_is_refused(refuse: Refuse) -> None:
    assert "did you mean 'people'?" in refuse("--source", "scene://street?peeple=3")


def test_the_command_line_has_its_own_mistakes_and_the_file_its_own(
    refuse: Refuse, tmp_path: Path
) -> None:
    said = refuse("--set", "ring.slot=8")
    assert said.startswith("command line on ")
    assert said.endswith(": unknown key 'ring.slot': did you mean 'slots'?")
    file = tmp_path / "line.yaml"
    file.write_text("ring: {slot: 8}")
    assert (
        refuse(file, "--set", "log=DEBUG")
        == f"{file}: unknown key 'ring.slot': did you mean 'slots'?"
    )


def test_a_model_that_is_not_there_is_refused(refuse: Refuse, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.onnx"
    said = refuse("--source", clip, model=path)
    assert said.startswith(f"model file '{path}': no such file, and none of the shipped")


def test_a_model_of_random_bytes_is_refused(refuse: Refuse, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "random.onnx"
    path.write_bytes(b"\x07" + os.urandom(4096))  # wire type 7 does not exist
    said = refuse("--source", clip, model=path)
    assert said.startswith(f"model file '{path}': no ONNX model: expected a field at byte 0")


def test_a_model_without_our_metadata_is_refused(
    refuse: Refuse, clip: Path, tmp_path: Path, tiny_model: Path
) -> None:
    path = tmp_path / "foreign.onnx"
    path.write_bytes(tiny_model.read_bytes().replace(b"thunderline", b"thunderlain"))
    said = refuse("--source", clip, model=path)
    assert "expected metadata 'thunderline', got keys ['thunderlain']" in said


def test_a_core_that_does_not_exist_is_refused(refuse: Refuse, clip: Path) -> None:
    cores = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
    assert refuse("--source", clip, "--set", "cores.detect=[4095]") == (
        f"cores: detect: expected one of the cores this process may use ({cores}), got 4095"
    )


@pytest.mark.parametrize(
    ("key", "path", "why"),
    [
        # No user may write there, not even root.
        ("record.jsonl", "/proc/nothing/out", "cannot write {path}: No such file or directory"),
        # Least of all may it be removed to make room for a recording.
        ("record.jsonl", "/dev/null", "expected a regular file, got {path}"),
        ("record.jsonl", "{folder}", "expected a regular file, got {path}"),
        ("record.jsonl", "{folder}/0000.png/out", "cannot write {path}: Not a directory"),
        ("record.jsonl", "{folder}/0000.png/new/out", "cannot write {path}: Not a directory"),
        ("record.jsonl", "{folder}/nul\0", "cannot write {path}: embedded null byte"),
        ("record.video", "/proc/nothing/out.mp4", "cannot write {path}: No such file or directory"),
        ("record.video", "{folder}/0000.png/out.mp4", "cannot write {path}: Not a directory"),
    ],
)
def test_a_recording_that_cannot_be_written_is_refused(
    refuse: Refuse, tmp_path: Path, key: str, path: str, why: str
) -> None:
    folder = make_folder(tmp_path / "images", [(64, 48)])
    path = path.replace("{folder}", str(folder))
    value = '"' + path.replace("\0", "\\0") + '"'
    said = refuse("--source", folder, "--set", f"{key}={value}")
    shown = path.replace("\0", r"\x00")
    assert said == f"{key}: {why.replace('{path}', shown)}"
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("record.jsonl={folder}/clip.avi", "source cam0"),
        ("record.jsonl={folder}/link", "source cam0"),
        ("record.jsonl={folder}/images/0000.png", "an image in the folder of source cam1"),
        ("record.jsonl={folder}/model.onnx", "the model file"),
        ("record.jsonl={folder}/line.yaml", "the configuration"),
        ("record.jsonl={secret}", "the key file of publish.secret_key"),
        ("record.jsonl={folder}/clients/a.key", "a key file of publish.clients"),
        ("record.jsonl={folder}/pub", "the socket of publish.endpoint"),
        ("record.jsonl={folder}/cam1.mp4", "a file of record.jsonl, too"),
        ("record.jsonl={repository}/stages/line/line.py", "a file of ThunderLine"),
        ("record.jsonl={repository}/run_pipeline.py", "a file of ThunderLine"),
    ],
)
def test_a_recording_over_a_file_that_is_needed_is_refused(
    refuse: Refuse, clip: Path, tiny_model: Path, repository: Path, setting: str, what: str
) -> None:
    folder = clip.parent
    make_folder(folder / "images", [(64, 48)])
    model = Path(shutil.copy(tiny_model, folder / "model.onnx"))
    (folder / "link").symlink_to(clip)
    make_keys("a", folder / "clients", folder)
    _, secret = make_keys("line", folder, folder)
    (folder / "line.yaml").write_text(f"""
        sources: [{{uri: "file://{clip}"}}, {{uri: "{folder}/images"}}]
        publish: {{endpoint: "ipc://{folder}/pub", secret_key: "{secret}",
                   clients: "{folder}/clients"}}
        record: {{video: "{folder}/{{camera}}.mp4"}}""")
    setting = setting.format(folder=folder, repository=repository, secret=secret)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    said = refuse(folder / "line.yaml", "--set", setting, model=model)
    key, path = setting.split("=")
    key = "record.video" if path.endswith(".mp4") else key  # compared after the messages
    assert said == f"{key}: expected a file of its own, got {path}: that is {what}"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_messages_into_the_file_that_standard_output_goes_to_are_refused(
    clip: Path, tiny_model: Path, repository: Path, tmp_path: Path
) -> None:
    path = tmp_path / "out.jsonl"
    command = [sys.executable, "run_pipeline.py", "--model", str(tiny_model), "--source", str(clip)]
    with path.open("wb") as file:
        done = subprocess.run(
            [*command, "--set", f"record.jsonl={path}"],
            cwd=repository, stdout=file, stderr=subprocess.PIPE, check=False, text=True,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.endswith(f"got {path}: that is what stdout is connected to\n")


def test_the_status_line_takes_the_width_that_the_terminal_has_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    master, terminal = os.openpty()
    with open(master, "wb"), open(terminal, "w") as err:
        monkeypatch.setattr(sys, "stderr", err)
        for columns in (40, 200):
            termios.tcsetwinsize(terminal, (24, columns))
            assert terminal_columns() == columns
        termios.tcsetwinsize(terminal, (0, 0))  # a serial line that does not know
        monkeypatch.setenv("COLUMNS", "57")
        assert terminal_columns() == 57


def test_the_first_start_says_what_is_installed_before_it_begins(
    repository: Path, tmp_path: Path
) -> None:
    steps = subprocess.run(
        ["make", "--dry-run", "run", f"VENV={tmp_path}/venv"],
        cwd=repository, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    told = next(i for i, step in enumerate(steps) if "MB to load" in step)
    begun = next(i for i, step in enumerate(steps) if "-m pip install" in step)
    assert told < begun


def test_keys_that_are_there_twice_are_refused(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("sources: [{uri: a}]\nring: {slots: 8}\nsources: [{uri: b}]\n")
    assert refuse(path, "--check") == (
        f"configuration {path}: line 3: key 'sources' is given twice; it is in line 1 too"
    )


def test_a_number_is_a_camera_of_this_machine(
    tmp_path: Path, check: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "index.yaml"
    path.write_text("sources:\n  - uri: 250\n")
    assert run_pipeline.main([str(path), *check]) == 0
    assert "/dev/video250: this camera is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        (
            "tcp://127.0.0.1",
            "expected an address and a port, an IPv6 address in brackets, got tcp://",
        ),
        ("tcp://127.0.0.1:70000", "expected a port from 1 to 65535, got '70000' in tcp://"),
        ("tcp://192.0.2.1:5570", "cannot listen at tcp://192.0.2.1:5570: "),
    ],
)
def test_an_endpoint_that_cannot_be_had_is_refused(
    refuse: Refuse, clip: Path, endpoint: str, why: str
) -> None:
    said = refuse("--check", "--source", clip, "--set", f"publish.endpoint={endpoint}")
    assert said.startswith(f"publish.endpoint: {why}")


def test_a_check_opens_files(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    assert refuse("--check", "--source", path).startswith(f"{path}: this file cannot be opened as")
    path = tmp_path / "a.png"
    path.write_text("no image")
    assert refuse("--check", "--source", path) == f"{path}: expected an image: no image, or cut off"


def test_the_list_of_cameras_is_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_pipeline.main(["--list-cameras"]) == 0
    content = yaml.safe_load(capsys.readouterr().out)
    assert content is None or list(content) == ["sources"]


@pytest.mark.parametrize("value", ["soon", "nan", "-1"])
def test_a_duration_that_is_none_is_refused(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_pipeline.main(["--check", f"--duration={value}"])
    assert ended.value.code == 2
    assert "--duration: " in capsys.readouterr().err
