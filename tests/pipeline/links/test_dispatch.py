import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from pipeline.links.dispatch import DispatchReceiver, DispatchSender
from pipeline.links.parcel import Parcel
from pipeline.links.sockets import wait_for
from pipeline.memory.frame_ref import FrameRef, Mark
from tests.pipeline.bodies import Note
from tests.pipeline.frames import make_ref
from tests.running_line import wait_until

# Takes the frames that it gets, and finishes none.
GREEDY = """
import sys, time
from pathlib import Path
from pipeline.links.dispatch import DispatchReceiver
from tests.pipeline.bodies import Note
receiver = DispatchReceiver(Path(sys.argv[1]), "camera", "left", Note)
print("connected", flush=True)
while True:
    for parcel in receiver.receive():
        print(parcel.ref.frame_id, flush=True)
    time.sleep(0.01)
"""


class Link:
    """A sender, the frames it dropped, and its receivers."""

    def __init__(self, run_dir: Path, depth: int = 1, *, hands_on_idle: bool = False) -> None:
        self.run_dir = run_dir
        self.dropped: list[FrameRef] = []
        self.receivers: list[DispatchReceiver[Note]] = []
        self.open(depth, hands_on_idle=hands_on_idle)

    def open(self, depth: int = 1, *, hands_on_idle: bool = False) -> None:
        self.sender = DispatchSender(
            self.run_dir, "camera", "left", depth=depth, on_drop=self.dropped.append,
            hands_on_idle=hands_on_idle,
        )  # fmt: skip

    def add_receiver(self) -> DispatchReceiver[Note]:
        """One more, whose first report the sender has."""
        known = self.sender.receiver_count
        receiver = DispatchReceiver(self.run_dir, "camera", "left", Note)
        self.receivers.append(receiver)
        wait_until(lambda: self.knows(known + 1), "the receiver has reported")
        return receiver

    def knows(self, count: int) -> bool:
        self.sender.serve()
        return self.sender.receiver_count == count

    def send(
        self, *frames: int, camera: int = 0, lossless: bool = False, idle: bool = False
    ) -> None:
        for frame in frames:
            ref = make_ref(frame, camera=camera, lossless=lossless)
            ref = msgspec.structs.replace(ref, mark=Mark.IDLE if idle else Mark.NONE)
            self.sender.send(Parcel(ref, Note(b"body")))

    def receive(self, receiver: DispatchReceiver[Note]) -> list[int]:
        """At least one frame, and what else has arrived."""
        assert receiver.socket.poll(30_000, zmq.POLLIN), "nothing arrives"
        return [parcel.ref.frame_id for parcel in receiver.receive()]

    def finish(self, receiver: DispatchReceiver[Note]) -> list[int]:
        """Report a frame as done; returns what the receiver gets next."""
        receiver.done()
        arrived: list[int] = []

        def there() -> bool:
            self.sender.serve()
            arrived.extend(parcel.ref.frame_id for parcel in receiver.receive())
            return bool(arrived)

        wait_until(there, "the next frame comes")
        return arrived

    def close(self) -> None:
        self.sender.close()
        for receiver in self.receivers:
            receiver.close()


@pytest.fixture
def link(short_dir: Path) -> Iterator[Link]:
    link = Link(short_dir)
    yield link
    link.close()


def dropped(link: Link) -> list[int]:
    return [ref.frame_id for ref in link.dropped]


def test_a_free_receiver_gets_the_frame_at_once(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0)
    assert receiver.socket.poll(30_000)
    (parcel,) = receiver.receive()
    assert parcel.ref.frame_id == 0
    assert parcel.body == Note(b"body")


def test_reports_are_waited_for_only_while_a_frame_waits_for_them(link: Link) -> None:
    receiver = link.add_receiver()
    assert link.sender.reports is None
    link.send(0)
    assert link.sender.reports is None
    link.send(1)
    reports = link.sender.reports
    assert reports is not None
    receiver.done()
    assert wait_for([reports], 30_000)
    link.sender.serve()
    assert link.sender.reports is None


def test_a_receiver_waits_for_the_next_frame_and_not_for_ever(link: Link) -> None:
    receiver = link.add_receiver()
    assert list(receiver.wait()) == []
    link.send(0)
    found: list[Parcel[Note | None]] = []

    def there() -> bool:
        found.extend(receiver.wait())
        return bool(found)

    wait_until(there, "the frame comes")
    assert [parcel.ref.frame_id for parcel in found] == [0]


def test_of_a_live_camera_the_newest_waits_and_the_oldest_is_dropped(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0, 1, 2, 3)
    assert link.receive(receiver) == [0]
    assert dropped(link) == [1, 2]
    assert link.finish(receiver) == [3]


def test_as_many_live_frames_wait_as_the_link_is_deep(short_dir: Path) -> None:
    link = Link(short_dir, depth=3)
    link.send(0, 1, 2, 3, 4)
    assert dropped(link) == [0, 1]
    receiver = link.add_receiver()
    assert link.receive(receiver) == [2]
    link.close()


def test_a_lossless_camera_loses_nothing(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(*range(50), lossless=True)
    seen = link.receive(receiver)
    while seen[-1] != 49:
        seen += link.finish(receiver)
    assert seen == list(range(50))
    assert link.dropped == []


def test_a_receiver_gets_one_lossless_frame_ahead_and_no_live_one(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0, 1, 2, lossless=True)
    wait_until(lambda: receiver.socket.poll(0) != 0, "frames arrive")
    ahead = link.receive(receiver)
    if len(ahead) == 1:  # the second was still on its way
        ahead += link.receive(receiver)
    assert ahead == [0, 1]


def test_each_frame_names_the_one_dispatched_before_it(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0, 1, 2, 3)
    assert receiver.socket.poll(30_000)
    assert [p.ref.after for p in receiver.receive()] == [-1]
    receiver.done()

    refs: list[FrameRef] = []

    def there() -> bool:
        link.sender.serve()
        refs.extend(parcel.ref for parcel in receiver.receive())
        return bool(refs)

    wait_until(there, "the next frame comes")
    assert [(ref.frame_id, ref.after) for ref in refs] == [(3, 0)]


@pytest.fixture
def to_detector(short_dir: Path) -> Iterator[Link]:
    """A link to a stage that has no work with idle frames."""
    link = Link(short_dir, hands_on_idle=True)
    yield link
    link.close()


def receive_until(link: Link, receiver: DispatchReceiver[Note], last: int) -> list[int]:
    seen = link.receive(receiver)
    while seen[-1] != last:
        seen += link.receive(receiver)
    return seen


@pytest.mark.parametrize("lossless", [False, True])
def test_an_idle_frame_does_not_wait_for_a_busy_receiver(to_detector: Link, lossless: bool) -> None:
    receiver = to_detector.add_receiver()
    to_detector.send(0, lossless=lossless)
    for frame in (1, 2, 3, 4):
        to_detector.send(frame, lossless=lossless, idle=True)
    assert receive_until(to_detector, receiver, 4) == [0, 1, 2, 3, 4]
    assert dropped(to_detector) == []


def test_an_idle_frame_takes_the_place_of_no_frame_that_waits_to_be_looked_at(
    to_detector: Link,
) -> None:
    receiver = to_detector.add_receiver()
    to_detector.send(0, 1)  # the second waits
    to_detector.send(2, 3, idle=True)  # and these behind it, to stay in order
    assert to_detector.receive(receiver) == [0]
    assert dropped(to_detector) == [2]
    seen = to_detector.finish(receiver)
    assert (seen if seen[-1] == 3 else seen + receive_until(to_detector, receiver, 3)) == [1, 3]


def test_a_newer_look_replaces_the_one_that_waits_and_sets_idle_frames_free(
    to_detector: Link,
) -> None:
    receiver = to_detector.add_receiver()
    to_detector.send(0, 1)
    to_detector.send(2, idle=True)
    to_detector.send(3)
    assert receive_until(to_detector, receiver, 2) == [0, 2]
    assert dropped(to_detector) == [1]
    for _ in range(2):  # the first two are finished
        receiver.done()
    arrived: list[FrameRef] = []

    def there() -> bool:
        to_detector.sender.serve()
        arrived.extend(parcel.ref for parcel in receiver.receive())
        return bool(arrived)

    wait_until(there, "the next frame comes")
    assert [(ref.frame_id, ref.after) for ref in arrived] == [(3, 2)]


def test_for_a_stage_that_works_on_them_idle_frames_are_like_others(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0)
    link.send(1, 2, idle=True)
    assert link.receive(receiver) == [0]
    assert dropped(link) == [1]


def test_cameras_take_turns(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0, camera=0)
    assert link.receive(receiver) == [0]
    for frame in (1, 2, 3):  # a fast camera, and a slow one that waits
        link.send(100 + frame, camera=0)
    link.send(7, camera=1)
    seen = [*link.finish(receiver), *link.finish(receiver)]
    assert seen == [103, 7]


def test_replicas_share_the_work(link: Link) -> None:
    receivers = [link.add_receiver() for _ in range(3)]
    link.send(0, 1, 2)
    assert sorted(link.receive(receiver)[0] for receiver in receivers) == [0, 1, 2]
    assert link.dropped == []


def test_a_restarted_sender_learns_of_its_receivers(link: Link) -> None:
    receiver = link.add_receiver()
    link.send(0)
    assert link.receive(receiver) == [0]
    receiver.done()
    link.sender.close()
    link.open()
    link.send(1)

    def has_reported() -> bool:
        receiver.idle()  # as it does again and again while nothing arrives
        return link.knows(1)

    wait_until(has_reported, "the receiver has reported")
    assert link.receive(receiver) == [1]


def test_a_killed_receiver_is_forgotten_and_its_successor_goes_on(link: Link) -> None:
    command = [sys.executable, "-c", GREEDY, str(link.run_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as greedy:
        assert greedy.stdout is not None
        greedy.stdout.readline()
        wait_until(lambda: link.knows(1), "the receiver has reported")
        link.send(0)
        assert greedy.stdout.readline() == b"0\n"
        os.kill(greedy.pid, signal.SIGKILL)
    successor = link.add_receiver()
    link.send(1)
    assert link.receive(successor) == [1]


def test_frames_wait_while_there_is_no_receiver(link: Link) -> None:
    link.send(0, 1, 2, lossless=True)
    assert link.receive(link.add_receiver())[0] == 0


@pytest.mark.parametrize("parts", [[b""], [b"short"], [b"8 bytes.", b""], [b"x" * 5000]])
def test_hostile_reports_make_no_receiver(link: Link, parts: list[bytes]) -> None:
    peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    peer.setsockopt(zmq.LINGER, 0)
    peer.connect(f"ipc://{link.run_dir}/camera-left.ipc")
    peer.send_multipart(parts)
    link.add_receiver()  # whose report comes later
    assert link.knows(1)
    peer.close()
