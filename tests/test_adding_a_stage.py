"""The tutorial `docs/adding_a_stage.md`, applied to a copy of the code as it is written there."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import pytest

from pipeline.keys import make_keys
from tests.clips import level, make_clip
from tests.integration.line_sources import endless
from tests.recordings import assert_frames_in_order
from tests.running_line import REPOSITORY, RunningLine, wait_until

PAGE = (REPOSITORY / "docs/adding_a_stage.md").read_text()
COPIED = ("pipeline", "stages", "configs", "run_pipeline.py")
FRAMES = 64  # as often as its greys come again


class Block(NamedTuple):
    """A code block, and the words right before it."""

    task: str
    code: str


def blocks(chapter: str) -> list[Block]:
    text = PAGE.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    pattern = r"(\S[^\n]*):\n\n```python\n(.*?)^```"
    return [Block(*found) for found in re.findall(pattern, text, re.S | re.M)]


def apply(tree: Path, block: Block) -> None:
    """Do what the page says; each kind of task is recognized by its words."""
    task = re.split(r"\. (?=[A-Z])", block.task)[-1]
    *table, path = re.findall(r"`([^`]+)`", task)
    file = tree / path
    if task.startswith("Write `run` of"):
        file.write_text(replace_method(file.read_text(), block.code))
    elif task.startswith("Write"):
        assert not file.exists(), "one new file"
        file.write_text(block.code)
    elif table:
        file.write_text(add_row(file.read_text(), table[0], block.code))
    else:
        file.write_text(f"{file.read_text()}\n\n{block.code}")


def add_row(text: str, table: str, row: str) -> str:
    before, head, rest = text.partition(f"\n{table}: ")
    rows, end, after = rest.partition("\n)")
    assert end, f"no table {table}"
    return f"{before}{head}{rows}\n{indent(row, '    ').rstrip()},{end}{after}"


def replace_method(text: str, code: str) -> str:
    before, head, rest = text.partition("    def run(")
    after = rest[rest.index("\n\n    def ") :]
    assert head
    return f"{before}{indent(code, '    ').rstrip()}{after}"


class Tree:
    """A copy of the code, what the page adds to it, and the lines that are started from it."""

    def __init__(self, folder: Path, tiny_model: Path) -> None:
        self.path = folder / "code"
        self.path.mkdir()
        for name in COPIED:
            source, copy = REPOSITORY / name, self.path / name
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        self._before = self.files()
        self._folder = folder
        self._model = tiny_model
        self._lines: list[RunningLine] = []

    def files(self) -> dict[str, str]:
        return {str(p.relative_to(self.path)): p.read_text() for p in self.path.rglob("*.py")}

    def apply(self, *additions: Block) -> None:
        for block in additions:
            apply(self.path, block)

    def changed(self) -> set[str]:
        return {path for path, text in self.files().items() if self._before.get(path) != text}

    def take_away(self) -> None:
        for path in self.changed():
            if path in self._before:
                (self.path / path).write_text(self._before[path])
            else:
                (self.path / path).unlink()

    def check(self) -> str:
        """What `--check` prints."""
        command = [sys.executable, "run_pipeline.py", "--check", *self._arguments(self._folder)]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: object) -> RunningLine:
        folder = self._folder / str(len(self._lines))
        folder.mkdir()
        words = [*self._arguments(folder), *map(str, arguments)]
        self._lines.append(RunningLine(folder, words, repository=self.path))
        return self._lines[-1]

    def end(self) -> None:
        for line in self._lines:
            line.end()

    def _arguments(self, folder: Path) -> list[str]:
        keys = {"publish.endpoint": f"ipc://{folder}/pub", "record.jsonl": f"{folder}/out.jsonl"}
        keys["track.enabled"] = "false"  # the score of a frame says which frame it is
        return ["--model", str(self._model), *(f"--set={k}={v}" for k, v in keys.items())]


@pytest.fixture
def tree(short_dir: Path, tiny_model: Path) -> Iterator[Tree]:
    tree = Tree(short_dir, tiny_model)
    yield tree
    tree.end()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.avi", FRAMES)


STAGE, SERVICE = blocks("A stage"), blocks("A service")
ASYNC_RUN = SERVICE[-1]


def written(line: RunningLine, suffix: str) -> list[list[str]]:
    """Words of every line that a stage or service of the page has written."""
    path = Path(f"{line.jsonl}.{suffix}")
    return [row.split() for row in path.read_text().splitlines()] if path.exists() else []


def frames(line: RunningLine) -> list[int]:
    """The frames that the service has seen."""
    return [int(frame) for _, frame, _ in written(line, "tally")]


def wait_for_service(line: RunningLine, count: int) -> None:
    wait_until(lambda: len(frames(line)) >= count, f"the service has seen {count} messages")


def stop(line: RunningLine) -> None:
    """And check that no frame was lost."""
    line.process.send_signal(signal.SIGINT)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages())


def test_the_page_has_a_file_a_function_and_a_row_for_each(tree: Tree) -> None:
    tree.apply(*STAGE)
    assert tree.changed() == {"stages/brightness.py", "stages/options.py", "stages/graph.py"}
    tree.take_away()
    tree.apply(*SERVICE[:-1])
    assert tree.changed() == {"stages/services/tally.py", "stages/options.py", "stages/graph.py"}
    assert len(STAGE) == len(SERVICE[:-1]) == 3


def test_a_stage_and_a_service_run_and_are_taken_away(tree: Tree, clip: Path) -> None:
    tree.apply(*STAGE, *SERVICE[:-1])
    plan = tree.check()
    assert "brightness" in plan
    assert "tally" in plan
    line = tree.start(*endless(clip))
    wait_for_service(line, 20)
    stop(line)
    assert frames(line)[-1] == line.messages()[-1].frame_id, "the last message came, too"
    assert all(objects == "2" for _, _, objects in written(line, "tally"))
    seen = written(line, "brightness")
    assert [int(frame) for _, frame, _ in seen] == list(range(len(line.messages())))
    assert all(abs(float(grey) - level(int(frame))) < 5 for _, frame, grey in seen)
    tree.take_away()
    plan = tree.check()
    assert "brightness" not in plan
    assert "tally" not in plan
    line = tree.start("--source", clip)
    assert line.wait() == 0, line.stderr
    assert_frames_in_order(line.messages(), FRAMES)


def test_a_service_that_is_killed_costs_no_frame_and_comes_back(tree: Tree, clip: Path) -> None:
    tree.apply(*SERVICE[:-1])
    line = tree.start(*endless(clip))
    wait_for_service(line, 3)
    line.kill_running("tally")
    wait_for_service(line, len(frames(line)) + 5)
    stop(line)
    assert "tally was killed by SIGKILL: starting it again" in line.stderr
    assert line.stderr.count("starting it again") == 1
    assert line.leftovers() == []


def test_a_service_that_blocks_for_ever_costs_no_frame(tree: Tree, clip: Path) -> None:
    blocked = "def run(self) -> None:\n    __import__('time').sleep(3600)\n"
    tree.apply(*SERVICE[:-1], ASYNC_RUN._replace(code=blocked))
    line = tree.start(*endless(clip), "--set", "limits.frame_s=5")
    wait_until(lambda: "tally hung: starting it again" in line.stderr, "it is found out")
    line.wait_for_messages(len(line.messages()) + 20)
    stop(line)
    assert line.stderr.count("starting it again") == line.stderr.count("tally hung")
    assert frames(line) == []


def test_a_service_with_asyncio_receives_what_is_encrypted_for_others(
    tree: Tree, clip: Path, short_dir: Path
) -> None:
    """The clients' folder is empty: no program outside the line receives anything."""
    _, secret = make_keys("line", short_dir / "keys", short_dir / "keys")
    (short_dir / "clients").mkdir()
    tree.apply(*SERVICE)
    keys = {"publish.secret_key": secret, "publish.clients": short_dir / "clients"}
    line = tree.start(*endless(clip), *(f"--set={key}={value}" for key, value in keys.items()))
    wait_for_service(line, 20)
    stop(line)
    assert frames(line)[-1] == line.messages()[-1].frame_id
