"""The wheel: one package and one command, which run from any folder beside other people's names."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import thunderline
from tests.clips import make_clip

TIMEOUT_S = 120
_LEFT_OUT = ("tests/", "docs/", "findings/")
IMPORT_ALL = """
import importlib, pkgutil, sys
import thunderline.pipeline, thunderline.stages, thunderline.run_pipeline
for package in (thunderline.pipeline, thunderline.stages):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print({name.partition(".")[0] for name in sys.modules} & {"pipeline", "stages", "models", "torch"})
"""


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listing = ("git", "-C", str(repository), "ls-files", "-z", "-co", "--exclude-standard")
    for name in subprocess.check_output(listing, text=True).split("\0"):
        if (repository / name).is_file() and not name.startswith(_LEFT_OUT):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(repository / name, source / name)
    build = ("wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source))
    pip(*build, cwd=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel and what it needs, and no checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    install = ("--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel))
    pip(*install, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # The names in a .pth file join the path; the .pth file of a checkout there is not followed.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def pip(*options: str, cwd: Path) -> None:
    ended = call(sys.executable, "-m", "pip", *options, cwd=cwd)
    assert ended.returncode == 0, ended.stderr


def call(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip


def test_the_wheel_takes_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
        assert {name for name in names if not name.endswith(".dist-info")} == {"thunderline"}
        (top_level,) = (n for n in archive.namelist() if n.endswith("top_level.txt"))
        assert archive.read(top_level) == b"thunderline\n"
        assert "thunderline/configs/pipeline/default.yaml" in archive.namelist()
        assert "thunderline/models/zoo/thundernet-snet49-street11.onnx" in archive.namelist()


def test_everything_can_be_imported_below_it_and_nothing_beside_it(
    installed: Path, tmp_path: Path
) -> None:
    ended = call(installed / "python", "-W", "error", "-c", IMPORT_ALL, cwd=tmp_path)
    assert (ended.stdout, ended.stderr) == ("set()\n", "")


def test_a_line_runs_from_any_folder_beside_packages_of_these_names(
    installed: Path, tmp_path: Path, short_dir: Path
) -> None:
    for name in ("pipeline", "stages", "models"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('somebody else')\n")
    clip = make_clip(tmp_path / "clip.avi", 5)
    (tmp_path / "line.yaml").write_text(
        f"sources: [{{uri: {clip.name}}}]\nrecord: {{jsonl: out.jsonl}}\n"
        f"publish: {{endpoint: 'ipc://{short_dir}/pub'}}\n"
    )
    ended = call(installed / "thunderline", "run", "line.yaml", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 5


def test_the_shipped_configuration_passes_its_check(
    installed: Path, tmp_path: Path, short_dir: Path
) -> None:
    endpoint = f"publish.endpoint=ipc://{short_dir}/pub"
    ended = call(installed / "thunderline", "check", "--set", endpoint, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "everything is in order; nothing was started" in ended.stdout


@pytest.mark.parametrize("name", sorted(thunderline.COMMANDS))
def test_each_command_helps_under_its_name(installed: Path, tmp_path: Path, name: str) -> None:
    ended = call(installed / "thunderline", name, "--help", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"usage: thunderline {name} ")
    assert "python -m pipeline" not in ended.stdout
    assert "run_pipeline.py" not in ended.stdout


def test_the_help_of_a_check_is_not_that_of_a_run(installed: Path, tmp_path: Path) -> None:
    ended = call(installed / "thunderline", "check", "--help", cwd=tmp_path)
    assert "start nothing.\n" in ended.stdout
    assert "Run a line" not in ended.stdout


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_the_words_are_listed(installed: Path, tmp_path: Path, word: str) -> None:
    ended = call(installed / "thunderline", word, cwd=tmp_path)
    assert ended.returncode == 0
    assert all(f"\n  {name} " in ended.stdout for name in thunderline.COMMANDS)


def test_the_version_is_that_of_the_wheel(installed: Path, wheel: Path, tmp_path: Path) -> None:
    ended = call(installed / "thunderline", "--version", cwd=tmp_path)
    name, version, _ = wheel.name.split("-", 2)
    assert (ended.returncode, ended.stdout) == (0, f"{name} {version}\n")


@pytest.mark.parametrize("module", ["logging", "yaml"])
def test_ctrl_c_while_modules_are_imported_ends_a_command_without_a_traceback(
    installed: Path, tmp_path: Path, module: str
) -> None:
    """A small board takes seconds for it; here one module takes as long as it takes to be ended."""
    (tmp_path / f"{module}.py").write_text("import time\nprint(1, flush=True)\ntime.sleep(600)\n")
    with subprocess.Popen(
        [installed / "thunderline", "check"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"1\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 130
        assert process.stderr.read() in (b"", b"interrupted\n")


def test_a_command_that_is_none_is_refused_with_those_there_are(
    installed: Path, tmp_path: Path
) -> None:
    ended = call(installed / "thunderline", "rum", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: expected a command, got 'rum'")
    assert all(f"\n  {name} " in ended.stderr for name in thunderline.COMMANDS)


REWRITTEN = (
    ("from stages.config import A", "from thunderline.stages.config import A"),
    ("    from run_pipeline import main", "    from thunderline.run_pipeline import main"),
    ("import pipeline.log as log", "import thunderline.pipeline.log as log"),
    ('Row("stages.capture:Capture")', 'Row("thunderline.stages.capture:Capture")'),
    ('"run_pipeline:main"', '"thunderline.run_pipeline:main"'),
    ("python -m pipeline.client tcp://a", "thunderline client tcp://a"),
    ("python -m models.export a.pt", "python -m thunderline.models.export a.pt"),
    ("python run_pipeline.py --check", "thunderline run --check"),
    ('prog="run_pipeline.py detect"', 'prog="thunderline detect"'),
    ("python run_pipeline.py bench --json", "thunderline bench --json"),
    ('folders = ("pipeline", "models")', 'folders = ("pipeline", "models")'),
    ("from pipelines import a", "from pipelines import a"),
    ("the models of stages.config", "the models of stages.config"),
)


def test_names_of_modules_are_rewritten_and_nothing_else(repository: Path) -> None:
    """In a process of its own: setuptools replaces parts of the standard library."""
    program = (
        "import json, sys; from setup import rewrite; "
        "print(json.dumps([*map(rewrite, sys.argv[1:])]))"
    )
    ended = call(sys.executable, "-c", program, *[code for code, _ in REWRITTEN], cwd=repository)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == [rewritten for _, rewritten in REWRITTEN]


@pytest.mark.parametrize(
    ("maxsize", "libc", "code", "said"),
    [
        (2**31 - 1, "glibc", 1, "ThunderLine needs a 64-bit Python"),
        (2**63 - 1, "", 1, "ThunderLine needs a system with glibc, such as Debian"),
        (2**63 - 1, "glibc", 0, ""),
    ],
    ids=["32-bit ARM", "musl", "others"],
)
def test_machines_without_wheels_are_refused_with_a_sentence(
    maxsize: int, libc: str, code: int, said: str, repository: Path
) -> None:
    program = (
        "import platform, sys; from setup import refuse_machines; sys.maxsize = int(sys.argv[1]); "
        "platform.libc_ver = lambda: (sys.argv[2], ''); refuse_machines()"
    )
    ended = call(sys.executable, "-c", program, maxsize, libc, cwd=repository)
    assert ended.returncode == code
    assert ended.stderr.startswith(said)
    assert ended.stderr.count("\n") == code
