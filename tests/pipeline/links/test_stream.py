from pathlib import Path
from types import NoneType
from typing import Any

import pytest
import zmq

from pipeline.links.link import Receiver
from pipeline.links.parcel import Parcel
from pipeline.links.sockets import LinkError
from pipeline.links.stream import StreamReceiver, StreamSender
from tests.pipeline.bodies import Note
from tests.pipeline.frames import make_ref
from tests.running_line import wait_until


def collect(receiver: Receiver, count: int, *, waits: bool = False) -> list[Parcel[Any]]:
    found: list[Parcel[Any]] = []

    def there() -> bool:
        found.extend(receiver.wait() if waits else receiver.receive())
        return len(found) >= count

    wait_until(there, f"{count} frames arrive")
    return found


def test_frames_arrive_in_order_with_their_bodies(short_dir: Path) -> None:
    receiver, sender = StreamReceiver(short_dir, "left", Note), StreamSender(short_dir, "left")
    sent = [Parcel(make_ref(i), Note(bytes([i]))) for i in range(100)]
    for parcel in sent:
        sender.send(parcel)
    assert collect(receiver, 100) == sent
    receiver.close()
    sender.close()


def test_a_reader_that_waits_gets_one_frame_after_the_other(short_dir: Path) -> None:
    receiver, sender = StreamReceiver(short_dir, "left", NoneType), StreamSender(short_dir, "left")
    assert list(receiver.wait()) == []
    for frame in range(3):
        sender.send(Parcel(make_ref(frame), None))
    found: list[int] = []

    def there() -> bool:
        found.extend(parcel.ref.frame_id for parcel in receiver.wait())
        return len(found) == 3

    wait_until(there, "all arrive")
    assert found == [0, 1, 2]
    receiver.close()
    sender.close()


def test_frames_wait_for_a_reader_that_comes_late(short_dir: Path) -> None:
    sender = StreamSender(short_dir, "left")
    sender.send(Parcel(make_ref(0), None))
    receiver = StreamReceiver(short_dir, "left", NoneType)
    assert [p.ref.frame_id for p in collect(receiver, 1)] == [0]
    receiver.close()
    sender.close()


def test_a_restarted_reader_is_found(short_dir: Path) -> None:
    sender, receiver = StreamSender(short_dir, "left"), StreamReceiver(short_dir, "left", NoneType)
    sender.send(Parcel(make_ref(0), None))
    collect(receiver, 1)
    receiver.close()
    receiver = StreamReceiver(short_dir, "left", NoneType)

    def arrives() -> bool:
        sender.send(Parcel(make_ref(1), None))  # what is sent to a dead reader is lost
        return bool(list(receiver.receive()))

    wait_until(arrives, "a frame arrives")
    receiver.close()
    sender.close()


def test_a_full_link_is_an_error_and_not_a_drop(short_dir: Path) -> None:
    sender = StreamSender(short_dir, "left")  # without a reader
    for frame in range(10_000):
        sender.send(Parcel(make_ref(frame), None))
    with pytest.raises(LinkError, match="link to left: more than 10000 frames wait"):
        sender.send(Parcel(make_ref(10_000), None))
    sender.close()


@pytest.mark.parametrize(
    "parts", [[b""], [b"a", b"b"], [b"a", b"b", b"c"], [b"\xc1" * 300, b""], [b"\x99", b"x" * 99]]
)
@pytest.mark.parametrize("waits", [False, True])
def test_hostile_bytes_are_left_out(short_dir: Path, parts: list[bytes], waits: bool) -> None:
    receiver, sender = StreamReceiver(short_dir, "left", NoneType), StreamSender(short_dir, "left")
    peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.PUSH)
    peer.connect(f"ipc://{short_dir}/left.ipc")
    peer.send_multipart(parts)
    sender.send(Parcel(make_ref(5), None))
    assert [p.ref.frame_id for p in collect(receiver, 1, waits=waits)] == [5]
    assert list(receiver.receive()) == []
    for end in (peer, receiver, sender):
        end.close()


def test_an_address_that_cannot_be_bound_is_named(short_dir: Path) -> None:
    with pytest.raises(LinkError, match=r"cannot listen at ipc://.*/none/left\.ipc"):
        StreamReceiver(short_dir / "none", "left", NoneType)
