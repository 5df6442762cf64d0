"""The file of tokens, and tickets."""

import os
import stat
import time
from pathlib import Path

import pytest

from pipeline.service import ServiceError
from stages.config import WebConfig
from stages.line.checks.web import check_web
from stages.services.web.tokens import TICKET_S, TokenFile, Tokens, check_tokens, load_tokens
from tests.disks import mounted


def test_tokens_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "web"
    made = load_tokens(path)
    assert load_tokens(path) == made
    assert made.read != made.write
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_no_two_lines_have_the_same_tokens(tmp_path: Path) -> None:
    made = [load_tokens(tmp_path / str(number)) for number in range(4)]
    assert len({token for tokens in made for token in tokens}) == 8


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "web"
    load_tokens(path)
    path.chmod(0o640)
    with pytest.raises(ServiceError, match=r"its owner alone can read .*got mode 640"):
        load_tokens(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "read: short\nwrite: short\n",
        f"read: {'a' * 20}\n",
        f"read: {'a' * 20}\nwrite: {'a' * 20}",
    ],
)
def test_a_file_without_two_good_tokens_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "web"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ServiceError, match="expected two lines"):
        load_tokens(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for work in (load_tokens, check_tokens):
        with pytest.raises(ServiceError, match=r"web\.token_file: .*Not a directory"):
            work(tmp_path / "file" / "web")
    with (
        mounted(tmp_path / "disk", "ro") as disk,
        pytest.raises(ServiceError, match="a folder where it can be made"),
    ):
        check_tokens(disk / "keys" / "web")


def test_a_check_makes_nothing_and_takes_what_was_made(tmp_path: Path) -> None:
    check_tokens(tmp_path / "keys" / "web")
    assert list(tmp_path.iterdir()) == []
    load_tokens(tmp_path / "keys" / "web")
    check_tokens(tmp_path / "keys" / "web")


def test_what_is_no_file_of_tokens_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe" * 40)
    (tmp_path / "binary").chmod(0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, why in (
        ("binary", "two lines"),
        ("pipe", "regular"),
        (".", "regular"),
        ("\0", "null"),
    ):
        for work in (load_tokens, check_tokens):
            with pytest.raises(ServiceError, match=why):
                work(tmp_path / name)


@pytest.mark.parametrize("text", ["read: x", "nothing"])
def test_a_start_with_a_file_that_would_not_do_is_refused(tmp_path: Path, text: str) -> None:
    """The service would begin again and again."""
    path = tmp_path / "web"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ServiceError, match="expected two lines"):
        check_web(WebConfig(listen="*:5580", token_file=str(path)))


TOKENS = Tokens("r" * 20, "w" * 20)


@pytest.mark.parametrize("token", ["", "r", "r" * 19, "r" * 21, "R" * 20, "ä" * 20])
def test_only_the_tokens_may_read(token: str) -> None:
    assert TOKENS.may_read(TOKENS.read)
    assert TOKENS.may_read(TOKENS.write)
    assert not TOKENS.may_read(token)


def test_a_ticket_ends_and_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = TOKENS.make_ticket()
    until, _, signature = ticket.partition("-")
    assert TOKENS.is_ticket(ticket)
    assert TOKENS.read not in ticket
    assert not Tokens("x" * 20, "w" * 20).is_ticket(ticket)
    for wrong in (f"{int(until) + 1}-{signature}", until, f"{until}-", "-", "", f"ü-{signature}",
                  f"{until}-{signature[:-1]}", f"{'9' * 13}-{signature}"):  # fmt: skip
        assert not TOKENS.is_ticket(wrong), wrong
    later = time.time() + TICKET_S + 1
    monkeypatch.setattr("stages.services.web.tokens.time.time", lambda: later)
    assert not TOKENS.is_ticket(ticket)


def test_a_ticket_counts_longer_where_players_seek(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens("r" * 20, "w" * 20)
    ticket = tokens.make_ticket()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + TICKET_S + 1800)
    assert not tokens.is_ticket(ticket)
    assert tokens.is_ticket(ticket, longer_s=3600)
    monkeypatch.setattr(time, "time", lambda: now + TICKET_S + 3602)
    assert not tokens.is_ticket(ticket, longer_s=3600)


def test_other_tokens_in_the_file_count_at_once_and_those_before_no_more(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "web"
    file = TokenFile(path)
    first = file.tokens()
    path.write_text(f"read: {TOKENS.read}\nwrite: {TOKENS.write}\n")
    assert file.tokens() == TOKENS
    assert not file.tokens().may_read(first.read)
    assert not file.tokens().is_ticket(first.make_ticket())
    assert said == []


def test_a_file_that_cannot_be_taken_leaves_the_tokens_and_is_told_once(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "web"
    file = TokenFile(path)
    first = file.tokens()
    for spoil in (
        lambda: path.chmod(0o644),
        lambda: path.write_text("read: x\n"),
        lambda: path.unlink(),
    ):
        spoil()
        assert [file.tokens() for _ in range(3)] == [first] * 3
    path.touch(0o600)
    path.write_text(f"read: {TOKENS.read}\nwrite: {TOKENS.write}\n")
    assert file.tokens() == TOKENS
    assert len(said) == 3
    assert all(text.endswith("the tokens before stay in force") for text in said)
