"""Kills, full disks, damaged and foreign files: what waits is kept, or its loss is said."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from pipeline.service import ServiceError
from stages.services.outbox.outbox import Outbox
from tests.disks import fill
from tests.running_line import REPOSITORY
from tests.stages.services.outbox.outboxes import make_id, numbers, open_outbox, put

_FILLING = (sys.executable, "-m", "tests.stages.services.outbox.outboxes")


def test_a_kill_at_any_instant_loses_nothing_that_was_put(tmp_path: Path) -> None:
    random, last, taken = Random(5), -1, -1
    for _ in range(4):
        with subprocess.Popen(
            [*_FILLING, str(tmp_path / "o")], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            rows = [process.stdout.readline() for _ in range(random.randint(1, 60))]
            process.send_signal(signal.SIGKILL)
            rows += process.stdout.readlines()
        said = [row.split() for row in rows if row.endswith("\n")]
        last = max(last, *(int(number) for word, number in said if word == "put"))
        taken = max([taken, *(int(number) for word, number in said if word == "taken")])
        with closing(open_outbox(tmp_path / "o")) as outbox:
            left = numbers(outbox)
            assert left == list(range(left[0], left[-1] + 1))
            assert left[-1] in (last, last + 1)  # it may die between the deed and the word
            assert left[0] in (taken + 1, taken + 2)
            assert outbox.losses.counts == {}
        last, taken = left[-1], left[0] - 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("whole_folder", [True, False])
def test_a_file_that_somebody_removes_is_written_anew_with_all_that_waits(
    tmp_path: Path, said: list[str], *, whole_folder: bool
) -> None:
    path = tmp_path / "box" / "o"
    path.parent.mkdir()
    outbox = open_outbox(path)
    put(outbox, *range(100))
    if whole_folder:
        shutil.rmtree(path.parent)
        path.parent.touch()  # nothing can be made here
        for _ in range(3):
            outbox.look()
        path.parent.unlink()
    else:
        path.unlink()  # and what lies beside it stays
    put(outbox, *range(100, 110))
    outbox.look()
    put(outbox, *range(110, 120))
    outbox.forget(item.number for item in outbox.waiting(5))
    outbox.close()
    with closing(open_outbox(path)) as following:
        assert numbers(following) == list(range(5, 120))
        assert following.losses.counts == {}
    assert [text.rpartition("box/o: ")[2] for text in said] == [
        "removed or replaced while it is in use; what waits is written anew"
    ]


@pytest.mark.parametrize("text", [None, "what somebody needs"])
def test_a_file_that_somebody_replaces_is_written_anew_and_the_other_one_is_kept(
    tmp_path: Path, said: list[str], text: str | None
) -> None:
    path, other = tmp_path / "o", tmp_path / "other"
    if text is None:
        with closing(open_outbox(other)) as outbox:
            put(outbox, *range(3))
    else:
        other.write_text(text)
    content = other.read_bytes()
    outbox = open_outbox(path)
    put(outbox, *range(100))
    other.replace(path)
    put(outbox, *range(100, 110))
    outbox.look()
    outbox.look()
    put(outbox, *range(110, 120))
    outbox.close()
    with closing(open_outbox(path)) as following:
        assert numbers(following) == list(range(120))
        assert following.losses.counts == {}
    assert (tmp_path / "o.replaced").read_bytes() == content
    assert said == [
        f"mqtt.outbox: {path}: removed or replaced while it is in use; what waits is written anew",
        f"mqtt.outbox: {path}: what was put in its place is kept as {path}.replaced",
    ]


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_that_is_removed_just_before_the_end_is_written_anew(
    tmp_path: Path, suffix: str
) -> None:
    outbox = open_outbox(tmp_path / "o")
    put(outbox, *range(10))
    (tmp_path / f"o{suffix}").unlink()
    outbox.close()
    assert numbers(open_outbox(tmp_path / "o")) == list(range(10))
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == []


def test_a_file_that_another_process_has_put_in_the_place_of_this_one_stays(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "o"
    outbox = open_outbox(path)
    put(outbox, *range(10))
    for each in ("o", "o-wal"):
        (tmp_path / each).unlink()
    with subprocess.Popen(
        [*_FILLING, str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(3):
            outbox.look()
        process.kill()
    assert said == [
        f"mqtt.outbox: {path}: removed or replaced while it is in use; another process has the new "
        "one: what waits is lost with this process, unless it goes"
    ]
    outbox.look()
    outbox.close()
    assert numbers(open_outbox(path)) == list(range(10))
    assert numbers(open_outbox(tmp_path / "o.replaced"))


def test_on_a_full_disk_messages_wait_in_memory_and_are_written_later(
    small_disk: Path, said: list[str]
) -> None:
    outbox = open_outbox(small_disk / "o")
    put(outbox, *range(10))
    ballast = fill(small_disk)
    put(outbox, *range(10, 200))
    assert numbers(outbox) == list(range(200))
    outbox.forget(item.number for item in outbox.waiting(50))
    assert numbers(outbox) == list(range(50, 200))
    assert len(outbox) == 150
    assert len(said) == 1
    assert "o: database or disk is full: what comes waits in memory, up to 1024 KiB" in said[0]
    ballast.unlink()
    put(outbox, 200)
    assert outbox.losses.counts == {}
    outbox.close()
    with closing(open_outbox(small_disk / "o")) as outbox:
        assert numbers(outbox) == list(range(50, 201))


def test_on_a_full_disk_for_long_the_oldest_of_memory_are_given_up_and_counted(
    small_disk: Path, said: list[str]
) -> None:
    with closing(open_outbox(small_disk / "o")) as outbox:
        put(outbox, 0)
        fill(small_disk)
        put(outbox, *range(1, 200), size=10_000)
        left = numbers(outbox)
        assert left[0] == 0  # that is in the file
        assert left[1:] == list(range(left[1], 200))
        assert outbox.losses.counts == {"disk": left[1] - 1}
    assert any("lost: the disk is full" in text for text in said)


def damage_start(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(b"\x00" * 200 + content[200:])


def damage_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 + 100 :] = bytes(len(content) - 4096 - 100)
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-6000])


@pytest.mark.parametrize("damage", [damage_start, damage_middle, cut])
def test_a_damaged_file_is_set_aside_and_said(
    tmp_path: Path, said: list[str], damage: Callable[[Path], None]
) -> None:
    path = tmp_path / "o"
    outbox = open_outbox(path)
    put(outbox, *range(300))
    outbox.close()
    damage(path)
    broken = path.read_bytes()
    with closing(open_outbox(path)) as outbox:
        assert numbers(outbox) == []
        put(outbox, 300)
    assert (tmp_path / "o.damaged").read_bytes() == broken
    assert f"mqtt.outbox: {path} is damaged" in said[0]
    assert numbers(open_outbox(path)) == [300]


def test_a_file_that_is_damaged_while_it_is_used_is_replaced(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "o"
    outbox = open_outbox(path)
    put(outbox, *range(2000))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    path.with_name("o-wal").write_bytes(b"\xff" * path.with_name("o-wal").stat().st_size)
    forget_pages(outbox)
    put(outbox, 2000)
    assert numbers(outbox) == [2000]
    assert outbox.losses.counts["damaged"] == 2000
    assert not outbox.put_event(make_id(1999), "event", b"1999")  # it came before
    outbox.close()
    assert "is damaged" in said[0]
    assert numbers(open_outbox(path)) == [2000]


def forget_pages(outbox: Outbox) -> None:
    """SQLite reads from the file again, as it does with an outbox larger than its cache."""
    outbox._store._database.execute("PRAGMA shrink_memory")


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(statement)


def test_a_file_of_a_newer_version_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "o"
    outbox = open_outbox(path)
    put(outbox, 0, 1)
    outbox.close()
    change(path, "PRAGMA user_version = 2")
    content = path.read_bytes()
    with pytest.raises(
        ServiceError, match=rf"mqtt.outbox: {path}: expected an outbox of version 1, got version 2"
    ):
        open_outbox(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "o"
    change(path, "CREATE TABLE book (title TEXT)")
    content = path.read_bytes()
    with pytest.raises(ServiceError, match="got the database of another program"):
        open_outbox(path)
    assert path.read_bytes() == content


def test_a_file_of_another_kind_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"\0\0\0 ftypisom" * 9)
    with pytest.raises(ServiceError, match="expected an outbox, got a file of another kind"):
        open_outbox(path)
    assert path.read_bytes() == b"\0\0\0 ftypisom" * 9
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_of_one_process(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    with pytest.raises(ServiceError, match="expected a file of this line alone"):
        open_outbox(tmp_path / "o")
    put(outbox, 0)
    outbox.close()
    assert numbers(open_outbox(tmp_path / "o")) == [0]


@pytest.mark.parametrize("name", ["taken/o", "folder", "a\0b"])
def test_a_path_that_cannot_be_used_is_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ServiceError, match=r"^mqtt\.outbox: "):
        open_outbox(tmp_path / name)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "below" / "o"
    with closing(open_outbox(path)) as outbox:
        put(outbox, 0)
        modes = {each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert modes == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
