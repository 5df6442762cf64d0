"""What is put into an outbox waits in order, once, and within the limits."""

from pathlib import Path

import pytest

from stages.services.outbox import clock
from stages.services.outbox.item import Limits
from tests.stages.services.outbox.outboxes import make_id, numbers, open_outbox, put


def test_events_wait_in_order_until_they_are_forgotten(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    put(outbox, *range(5))
    first, second, *_ = outbox.waiting(3)
    assert (first.id, first.topic) == (f"board-3/{make_id(0).run}/gate/0", "event")
    assert outbox.waiting(1, after=first.number) == [second]
    outbox.forget([second.number])
    assert numbers(outbox) == [0, 2, 3, 4]
    assert len(outbox) == 4
    outbox.forget(item.number for item in outbox.waiting(9))
    assert (len(outbox), outbox.bytes, outbox.waiting(9)) == (0, 0, [])


def test_what_waits_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    put(outbox, 0, 1, 2)
    outbox.keep_note("zones", b"\x00\xff")
    outbox.forget([outbox.waiting(1)[0].number])
    outbox.close()
    outbox = open_outbox(tmp_path / "o")
    assert numbers(outbox) == [1, 2]
    assert outbox.note("zones") == b"\x00\xff"
    assert outbox.note("lines") is None
    put(outbox, 3)
    assert numbers(outbox) == [1, 2, 3]


def test_an_event_that_comes_again_is_not_kept_again(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    put(outbox, 0, 1)
    outbox.forget(item.number for item in outbox.waiting(9))
    assert not outbox.put_event(make_id(1), "event", b"1")
    outbox.close()
    outbox = open_outbox(tmp_path / "o")
    assert not outbox.put_event(make_id(1), "event", b"1")
    assert outbox.put_event(make_id(0, "yard"), "event", b"0")
    assert outbox.put_event(make_id(0, run="other"), "event", b"0")
    assert (outbox.last_seq("gate", "other"), outbox.last_seq("gate", "third")) == (0, -1)
    assert outbox.losses.counts == {}


def test_what_is_passed_is_seen_and_not_lost(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    assert all(outbox.pass_event(make_id(seq)) for seq in (0, 1))
    assert not outbox.pass_event(make_id(1))
    put(outbox, 2)
    assert outbox.pass_event(make_id(3))
    assert outbox.losses.counts == {}
    outbox.close()
    outbox = open_outbox(tmp_path / "o")
    put(outbox, 4, 7)
    assert numbers(outbox) == [2, 4, 7]
    assert outbox.losses.counts == {"missed": 2}
    outbox.close()


def test_a_gap_in_the_numbers_is_counted_and_said(tmp_path: Path, said: list[str]) -> None:
    outbox = open_outbox(tmp_path / "o")
    put(outbox, 2, 3, 7)
    assert outbox.losses.counts["missed"] == 2 + 3
    outbox.close()
    assert said[0] == ("mqtt.outbox: 2 messages lost: they were sent while nobody here listened")
    assert "3 messages lost" in said[1]
    assert open_outbox(tmp_path / "o").losses.counts["missed"] == 5


def test_of_a_state_the_newest_waits_behind_what_came_before(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    outbox.put_state("gate/count", "1", "count", b"1 person")
    put(outbox, 5)
    outbox.put_state("gate/count", "2", "count", b"2 persons")
    outbox.put_state("yard/count", "3", "count", b"3 dogs")
    assert numbers(outbox) == [5, 2, 3]
    assert [item.key for item in outbox.waiting(3)] == [None, "gate/count", "yard/count"]
    outbox.close()
    assert numbers(open_outbox(tmp_path / "o")) == [5, 2, 3]


def test_beyond_its_bytes_the_oldest_is_given_up_and_counted(
    tmp_path: Path, said: list[str]
) -> None:
    path = tmp_path / "o"
    outbox = open_outbox(path, Limits(200_000, 1e6))
    put(outbox, *range(3000))
    left = numbers(outbox)
    assert left == list(range(left[0], 3000))
    assert 190_000 < outbox.bytes <= 200_000
    outbox.close()
    assert path.stat().st_size < 300_000
    outbox = open_outbox(path, Limits(200_000, 1e6))
    assert outbox.losses.counts == {"full": left[0]}
    assert said[0] == "mqtt.outbox: 1 message lost: more wait than it may hold"
    assert sum(int(text.split()[1]) for text in said) == left[0]


def test_a_message_that_could_never_fit_costs_no_other(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o", Limits(5000, 1e6))
    put(outbox, 0)
    put(outbox, 1, size=6000)
    put(outbox, 2)
    assert numbers(outbox) == [0, 2]
    assert outbox.losses.counts == {"full": 1}


class Machine:
    """Its clock, and which start of it this is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.now_s, self._boot = 1000.0, folder / "boot_id"
        self._boot.write_text("first\n")
        monkeypatch.setattr(clock, "_since_boot_s", lambda: self.now_s)
        monkeypatch.setattr(clock, "_BOOT_ID", self._boot)

    def boot(self) -> None:
        self.now_s = 5.0
        self._boot.write_text("second\n")


def test_what_is_too_old_is_given_up_also_over_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch, tmp_path)
    limits = Limits(1 << 20, 100.0)
    outbox = open_outbox(tmp_path / "o", limits)
    put(outbox, 0)
    machine.now_s += 60
    put(outbox, 1)
    outbox.close()
    machine.now_s += 30  # another process takes over
    outbox = open_outbox(tmp_path / "o", limits)
    outbox.look()
    assert numbers(outbox) == [0, 1]
    put(outbox, 2)
    outbox.close()
    machine.boot()  # however long the machine was off
    outbox = open_outbox(tmp_path / "o", limits)
    machine.now_s += 11
    outbox.look()
    assert numbers(outbox) == [1, 2]
    machine.now_s += 60
    outbox.look()
    assert numbers(outbox) == [2]
    assert outbox.losses.counts == {"old": 2}


def test_what_is_put_together_is_written_together(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    log = tmp_path / "o-wal"
    before = log.stat().st_size
    with outbox.together():
        put(outbox, *range(50))
        assert log.stat().st_size == before
        assert numbers(outbox) == list(range(50))
    together = log.stat().st_size - before
    put(outbox, *range(50, 100))
    assert log.stat().st_size - before > 5 * together
    assert numbers(outbox) == list(range(100))
    outbox.close()
    outbox = open_outbox(tmp_path / "o")
    assert numbers(outbox) == list(range(100))
    outbox.close()


def test_so_much_together_that_memory_would_not_hold_it_is_written_in_parts(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "o")
    with outbox.together():
        put(outbox, *range(300), size=10_000)
    assert numbers(outbox) == list(range(300))
    assert outbox.losses.counts == {}
    outbox.close()
