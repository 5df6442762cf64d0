from pathlib import Path

import pytest
import zmq

from pipeline.links.parcel import Parcel
from pipeline.links.sockets import LinkError
from pipeline.links.stream import StreamReceiver, StreamSender
from tests.pipeline.frames import make_ref
from tests.running_line import wait_until


def collect(inlet: StreamReceiver, count: int) -> list[Parcel]:
    found: list[Parcel] = []

    def there() -> bool:
        found.extend(inlet.receive())
        return len(found) >= count

    wait_until(there, f"{count} frames arrive")
    return found


def test_frames_arrive_in_order_with_their_bodies(short_dir: Path) -> None:
    inlet, outlet = StreamReceiver(short_dir, "left"), StreamSender(short_dir, "left")
    sent = [Parcel(make_ref(i), bytes([i])) for i in range(100)]
    for parcel in sent:
        outlet.send(parcel)
    assert collect(inlet, 100) == sent
    inlet.close()
    outlet.close()


def test_frames_wait_for_a_reader_that_comes_late(short_dir: Path) -> None:
    outlet = StreamSender(short_dir, "left")
    outlet.send(Parcel(make_ref(0)))
    inlet = StreamReceiver(short_dir, "left")
    assert [p.ref.frame_id for p in collect(inlet, 1)] == [0]
    inlet.close()
    outlet.close()


def test_a_restarted_reader_is_found(short_dir: Path) -> None:
    outlet, inlet = StreamSender(short_dir, "left"), StreamReceiver(short_dir, "left")
    outlet.send(Parcel(make_ref(0)))
    collect(inlet, 1)
    inlet.close()
    inlet = StreamReceiver(short_dir, "left")

    def arrives() -> bool:
        outlet.send(Parcel(make_ref(1)))  # what is sent to the dead one is lost, and sent again
        return bool(list(inlet.receive()))

    wait_until(arrives, "a frame arrives")
    inlet.close()
    outlet.close()


def test_a_full_link_is_an_error_and_not_a_drop(short_dir: Path) -> None:
    outlet = StreamSender(short_dir, "left")  # that nobody reads
    for frame in range(10_000):
        outlet.send(Parcel(make_ref(frame)))
    with pytest.raises(LinkError, match="link to left: more than 10000 frames wait"):
        outlet.send(Parcel(make_ref(10_000)))
    outlet.close()


@pytest.mark.parametrize(
    "parts", [[b""], [b"a", b"b"], [b"a", b"b", b"c"], [b"\xc1" * 300, b""], [b"\x99", b"x" * 99]]
)
def test_hostile_bytes_are_left_out(short_dir: Path, parts: list[bytes]) -> None:
    inlet, outlet = StreamReceiver(short_dir, "left"), StreamSender(short_dir, "left")
    peer = zmq.Context.instance().socket(zmq.PUSH)
    peer.connect(f"ipc://{short_dir}/left.ipc")
    peer.send_multipart(parts)
    outlet.send(Parcel(make_ref(5)))
    assert [p.ref.frame_id for p in collect(inlet, 1)] == [5]
    assert list(inlet.receive()) == []
    for end in (peer, inlet, outlet):
        end.close()


def test_an_address_that_cannot_be_bound_is_named(short_dir: Path) -> None:
    with pytest.raises(LinkError, match=r"cannot listen at ipc://.*/none/left\.ipc"):
        StreamReceiver(short_dir / "none", "left")
