"""A frame's hand-off: the ring's own calls, and one hop between two processes over each link."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import zmq

from pipeline.links.dispatch import DispatchReceiver, DispatchSender
from pipeline.links.parcel import Parcel, ParcelDecoder, encode_parcel
from pipeline.links.sockets import wait_for
from pipeline.links.stream import StreamReceiver, StreamSender
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ring import Ring, ring_path
from pipeline.memory.ring_cache import RingCache
from pipeline.memory.ring_layout import RingLayout
from stages.config import LineConfig, SourceConfig
from stages.graph import make_topology
from stages.kernels.picture import Layout, PictureFormat
from stages.slot import DetectionBody, SlotShape
from tests.benchmarks.report import Row, percentiles, report
from tests.benchmarks.timing import measure, pinned

pytestmark = pytest.mark.bench

ROUNDS, TRIPS = 5, 300
PATIENCE_MS = 30_000
BODY = DetectionBody(bytes(240))  # ten detections


@pytest.fixture
def layout() -> RingLayout:
    topology = make_topology(LineConfig(sources=(SourceConfig(uri="0"),)))
    form = PictureFormat(Layout.I420, 1280, 720)
    areas = SlotShape((320, 320), 200, 11, canvas=False).areas(form)
    return RingLayout(8, areas, topology.names, topology.branches)


def test_ring_table(layout: RingLayout, short_dir: Path) -> None:
    path = ring_path(short_dir, 0, 1)
    ring = Ring.create(path, layout)
    reader = RingCache(short_dir)
    ref = FrameRef(0, 1, 3, ring.take(3), 17, time.monotonic_ns(), False)
    parcel = Parcel(ref, BODY)
    data = encode_parcel(parcel)
    reader.find(ref)

    def create() -> None:
        Ring.create(short_dir / "other", layout).unlink()

    calls: dict[str, Callable[[], object]] = {
        "create and unlink, 8 slots of 720p": create,
        "attach": partial(Ring.attach, path),
        "free_slots": ring.free_slots,
        "take": partial(ring.take, 2),
        "find and check a reference": partial(reader.find, ref),
        "stamp": partial(ring.stamp, ref, 1, 0),
        "release": partial(ring.release, ref, 1),
        "encode a parcel": partial(encode_parcel, parcel),
        "decode a parcel": partial(ParcelDecoder(DetectionBody).decode, data),
    }
    with pinned():
        timings = measure(calls, rounds=300)
    rows: list[Row] = [
        {"call": name, "us": 1000 * t.median_ms, "best us": 1000 * t.best_ms}
        for name, t in timings.items()
    ]
    report("ring", f"Ring of {layout.total_bytes / 2**20:.1f} MiB, one process", rows)


def echo(folder: str, link: str, core: int) -> None:
    """The other process: sends every parcel back over a stream, until one without a body comes."""
    os.sched_setaffinity(0, {core})
    run_dir = Path(folder)
    receiver = (
        StreamReceiver(run_dir, "there", DetectionBody)
        if link == "stream"
        else DispatchReceiver(run_dir, "here", "there", DetectionBody)
    )
    sender = StreamSender(run_dir, "back")
    while receiver.socket.poll(PATIENCE_MS):
        for parcel in receiver.receive():
            if parcel.body is None:
                return
            sender.send(parcel)
            receiver.done()


@contextmanager
def echoing(folder: Path, link: str, core: int) -> Iterator[Callable[[], float]]:
    """Yields a call that takes one trip there and back and returns its microseconds."""
    back = StreamReceiver(folder, "back", DetectionBody)
    there = (
        StreamSender(folder, "there")
        if link == "stream"
        else DispatchSender(folder, "here", "there", depth=1, on_drop=lambda _: None)
    )
    other = multiprocessing.get_context("spawn").Process(
        target=echo, args=(str(folder), link, core)
    )
    other.start()
    ref = FrameRef(0, 1, 0, 1, 0, 0, True)

    def trip() -> float:
        before = time.perf_counter_ns()
        there.send(Parcel(ref, BODY))
        while True:
            awaited = [back.socket] if there.reports is None else [back.socket, there.reports]
            assert wait_for(awaited, PATIENCE_MS), "no answer"
            there.serve()
            if list(back.receive()):
                return (time.perf_counter_ns() - before) / 1000

    yield trip
    there.send(Parcel(ref, None))
    while other.is_alive():
        there.serve()
        other.join(0.01)
    there.close()
    back.close()


def test_hop_table(short_dir: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    places = {cores[0]: "another core", cores[-1]: "same core"}  # the latter alone if there is one
    hops: dict[tuple[str, str], list[float]] = {}
    for i in range(ROUNDS):
        for core, where in reversed(places.items()):
            for link in ("stream", "dispatch"):
                folder = short_dir / f"{i}{core}{link}"
                folder.mkdir()
                with pinned(), echoing(folder, link, core) as trip:
                    taken = [trip() for _ in range(TRIPS)][TRIPS // 10 :]
                hops.setdefault((where, link), []).extend(taken)
    rows: list[Row] = []
    for where, link in hops:
        p50, p99 = percentiles(hops[where, link])
        back = percentiles(hops[where, "stream"])[0] / 2
        rows.append({"hop": f"{link}, {where}", "us": p50 - back, "trip p50": p50, "p99": p99})
    notes = ["a trip is the hop and a stream back; a stream's hop is half of its trip"]
    report("hop", "Hand-off of one reference between two processes", rows, notes)


def test_pixels_are_not_sent_table(layout: RingLayout, short_dir: Path) -> None:
    """What the ring saves: the same 720p frame through a socket of this machine."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    here, there = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    there.bind(f"ipc://{short_dir}/pixels")
    here.connect(f"ipc://{short_dir}/pixels")
    ring = Ring.create(ring_path(short_dir, 0, 1), layout)
    ref = FrameRef(0, 1, 0, ring.take(0), 0, 0, True)
    frame = np.random.default_rng(0).bytes(720 * 1280 * 3)

    def send(data: bytes) -> None:
        here.send(data, copy=False)
        there.recv(copy=False)

    with pinned():
        timings = measure(
            {
                "reference": lambda: send(encode_parcel(Parcel(ref, None))),
                "pixels": lambda: send(frame),
            },
            rounds=200,
        )
    here.close()
    there.close()
    rows: list[Row] = [
        {"sent": name, "us": 1000 * t.median_ms, "best us": 1000 * t.best_ms}
        for name, t in timings.items()
    ]
    ratio = timings["pixels"].median_ms / timings["reference"].median_ms
    report("pixels", "One 720p frame to the next process, ipc", rows, [f"{ratio:.0f} times"])
