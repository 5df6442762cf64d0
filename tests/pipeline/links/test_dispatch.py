import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from pipeline.links.dispatch import DispatchReceiver, DispatchSender
from pipeline.links.parcel import Parcel
from pipeline.memory.frame_ref import FrameRef
from tests.pipeline.frames import make_ref
from tests.running_line import wait_until

# Connects, takes what it is given and finishes nothing.
GREEDY = """
import sys, time
from pathlib import Path
from pipeline.links.dispatch import DispatchReceiver
worker = DispatchReceiver(Path(sys.argv[1]), "camera", "left")
print("connected", flush=True)
while True:
    for parcel in worker.receive():
        print(parcel.ref.frame_id, flush=True)
    time.sleep(0.01)
"""


class Link:
    """A dispatcher, the frames it gave up, and its workers."""

    def __init__(self, run_dir: Path, depth: int = 1) -> None:
        self.run_dir = run_dir
        self.dropped: list[FrameRef] = []
        self.workers: list[DispatchReceiver] = []
        self.open(depth)

    def open(self, depth: int = 1) -> None:
        self.dispatcher = DispatchSender(
            self.run_dir, "camera", "left", depth=depth, on_drop=self.dropped.append
        )

    def add_worker(self) -> DispatchReceiver:
        """One more, which the dispatcher has heard of."""
        known = len(self.dispatcher._workers)
        worker = DispatchReceiver(self.run_dir, "camera", "left")
        self.workers.append(worker)
        wait_until(lambda: self.hears_of(known + 1), "the worker has reported")
        return worker

    def hears_of(self, count: int) -> bool:
        self.dispatcher.serve()
        return len(self.dispatcher._workers) == count

    def send(self, *frames: int, camera: int = 0, lossless: bool = False) -> None:
        for frame in frames:
            ref = make_ref(frame, camera=camera, lossless=lossless)
            self.dispatcher.send(Parcel(ref, b"body"))

    def receive(self, worker: DispatchReceiver) -> list[int]:
        """At least one frame, and what else has arrived."""
        assert worker.socket.poll(30_000, zmq.POLLIN), "nothing arrives"
        return [parcel.ref.frame_id for parcel in worker.receive()]

    def finish(self, worker: DispatchReceiver) -> list[int]:
        """Report a frame as done; what the worker is given next."""
        worker.done()
        arrived: list[int] = []

        def there() -> bool:
            self.dispatcher.serve()
            arrived.extend(parcel.ref.frame_id for parcel in worker.receive())
            return bool(arrived)

        wait_until(there, "the next frame comes")
        return arrived

    def close(self) -> None:
        for end in (self.dispatcher, *self.workers):
            end.close()


@pytest.fixture
def link(short_dir: Path) -> Iterator[Link]:
    link = Link(short_dir)
    yield link
    link.close()


def dropped(link: Link) -> list[int]:
    return [ref.frame_id for ref in link.dropped]


def test_a_free_worker_is_given_the_frame_at_once(link: Link) -> None:
    worker = link.add_worker()
    link.send(0)
    assert worker.socket.poll(30_000)
    (parcel,) = worker.receive()
    assert parcel.ref.frame_id == 0
    assert parcel.body == b"body"


def test_of_a_live_camera_the_newest_waits_and_the_oldest_is_dropped(link: Link) -> None:
    worker = link.add_worker()
    link.send(0, 1, 2, 3)
    assert link.receive(worker) == [0]
    assert dropped(link) == [1, 2]
    assert link.finish(worker) == [3]


def test_as_many_live_frames_wait_as_the_link_is_deep(short_dir: Path) -> None:
    link = Link(short_dir, depth=3)
    link.send(0, 1, 2, 3, 4)
    assert dropped(link) == [0, 1]
    worker = link.add_worker()
    assert link.receive(worker) == [2]
    link.close()


def test_a_lossless_camera_loses_nothing(link: Link) -> None:
    worker = link.add_worker()
    link.send(*range(50), lossless=True)
    seen = link.receive(worker)
    while seen[-1] != 49:
        seen += link.finish(worker)
    assert seen == list(range(50))
    assert link.dropped == []


def test_a_worker_is_given_one_lossless_frame_ahead_and_no_live_one(link: Link) -> None:
    worker = link.add_worker()
    link.send(0, 1, 2, lossless=True)
    wait_until(lambda: worker.socket.poll(0) != 0, "frames arrive")
    ahead = link.receive(worker)
    if len(ahead) == 1:  # the second was still on its way
        ahead += link.receive(worker)
    assert ahead == [0, 1]


def test_each_frame_names_the_one_dispatched_before_it(link: Link) -> None:
    worker = link.add_worker()
    link.send(0, 1, 2, 3)
    assert worker.socket.poll(30_000)
    assert [p.ref.after for p in worker.receive()] == [-1]
    worker.done()

    refs: list[FrameRef] = []

    def there() -> bool:
        link.dispatcher.serve()
        refs.extend(parcel.ref for parcel in worker.receive())
        return bool(refs)

    wait_until(there, "the next frame comes")
    assert [(ref.frame_id, ref.after) for ref in refs] == [(3, 0)]


def test_cameras_take_turns(link: Link) -> None:
    worker = link.add_worker()
    link.send(0, camera=0)
    assert link.receive(worker) == [0]
    for frame in (1, 2, 3):  # a fast camera, and a slow one that waits
        link.send(100 + frame, camera=0)
    link.send(7, camera=1)
    seen = [*link.finish(worker), *link.finish(worker)]
    assert seen == [103, 7]


def test_replicas_share_the_work(link: Link) -> None:
    workers = [link.add_worker() for _ in range(3)]
    link.send(0, 1, 2)
    assert sorted(link.receive(worker)[0] for worker in workers) == [0, 1, 2]
    assert link.dropped == []


def test_a_restarted_sender_learns_of_its_workers(link: Link) -> None:
    worker = link.add_worker()
    link.send(0)
    assert link.receive(worker) == [0]
    worker.done()
    link.dispatcher.close()
    link.open()
    link.send(1)

    def has_reported() -> bool:
        worker.idle()  # as it does again and again while nothing arrives
        return link.hears_of(1)

    wait_until(has_reported, "the worker has reported")
    assert link.receive(worker) == [1]


def test_a_killed_worker_is_forgotten_and_its_successor_goes_on(link: Link) -> None:
    command = [sys.executable, "-c", GREEDY, str(link.run_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as greedy:
        assert greedy.stdout is not None
        greedy.stdout.readline()
        wait_until(lambda: link.hears_of(1), "the worker has reported")
        link.send(0)
        assert greedy.stdout.readline() == b"0\n"
        os.kill(greedy.pid, signal.SIGKILL)
    successor = link.add_worker()
    link.send(1)
    assert link.receive(successor) == [1]


def test_frames_wait_while_there_is_no_worker(link: Link) -> None:
    link.send(0, 1, 2, lossless=True)
    assert link.receive(link.add_worker())[0] == 0


@pytest.mark.parametrize("parts", [[b""], [b"short"], [b"8 bytes.", b""], [b"x" * 5000]])
def test_hostile_reports_make_no_worker(link: Link, parts: list[bytes]) -> None:
    peer = zmq.Context.instance().socket(zmq.DEALER)
    peer.setsockopt(zmq.LINGER, 0)
    peer.connect(f"ipc://{link.run_dir}/camera-left.ipc")
    peer.send_multipart(parts)
    link.add_worker()  # whose report comes later
    assert link.hears_of(1)
    peer.close()
