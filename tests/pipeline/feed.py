"""A source loop in a thread, with a scripted source; the test is the rest of the line."""

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar

from pipeline.links.stream import StreamReceiver
from pipeline.loops.backoff import Retry
from pipeline.loops.source_loop import SourceLoop
from pipeline.memory.counters import DropReason
from pipeline.memory.frame_ref import FrameRef
from pipeline.memory.ledger import Ledger
from pipeline.memory.ring import Area, Ring, ring_path
from pipeline.memory.ring_layout import AreaSpec
from pipeline.memory.space import ShmSpaceError
from pipeline.source import Captured, EndOfSource, Geometry, SourceError
from pipeline.stage import Context
from tests.pipeline.frames import GRAPH, LEFT, make_run
from tests.running_line import wait_until

SLOTS = 4


class Scripted:
    """A source that follows a script: a size when it opens, frames, losses, an exception."""

    Options: ClassVar[type[Any]] = dict

    def __init__(self, script: list[object], *, lossless: bool) -> None:
        self.lossless = lossless
        self.silence_s = 1.0
        self.pts_ns: Iterator[int | None] = itertools.repeat(0)
        self.waited_ns = 0
        self.first_frames: list[int] = []
        self._losses = Counter[DropReason]()
        self.back = threading.Event()  # it can be reached again
        self.looks = 0  # for that
        self._script = iter(script)
        self._frames = 0

    def open(self, first_frame: int) -> Geometry:
        self.first_frames.append(first_frame)
        step = next(self._script)
        if isinstance(step, Exception):
            raise step
        assert isinstance(step, tuple)
        return Geometry(*step)

    def areas(self, geometry: Geometry) -> dict[str, AreaSpec]:
        return {"frame": AreaSpec((geometry.height, geometry.width, 3), "u1")}

    def read(self, slot: Mapping[str, Area]) -> Captured | None:
        if self._frames == 0:
            step = next(self._script)
            if isinstance(step, Counter):
                self._losses += step
                return None
            if isinstance(step, Exception):
                raise step
            assert isinstance(step, int)
            self._frames = step
        self._frames -= 1
        pts_ns = next(self.pts_ns)
        return None if pts_ns is None else Captured(pts_ns, self.waited_ns)

    def take_losses(self) -> Counter[DropReason]:
        losses, self._losses = self._losses, Counter()
        return losses

    def is_back(self) -> bool:
        self.looks += 1
        return self.back.is_set()

    def close(self) -> None:
        """Nothing is open."""


class Feed:
    """A source loop in a thread, and what it sends."""

    def __init__(self, run_dir: Path, ledger: Ledger, source: Scripted, retry_s: float) -> None:
        self.run_dir, self.ledger = run_dir, ledger
        self.refs: list[FrameRef] = []
        self.error: Exception | None = None
        self._stop = threading.Event()
        run = make_run(run_dir)
        self.receiver = StreamReceiver(run_dir, "left", NoneType)
        context = Context(run, run.processes[0], ledger)
        retry = Retry(first_s=retry_s, cap_s=max(30.0, retry_s))
        self._loop = SourceLoop(context, source, slots=SLOTS, retry=retry)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run(self._stop.is_set)
        except (SourceError, ShmSpaceError) as error:
            self.error = error

    def wait_for(self, count: int) -> list[FrameRef]:
        def there() -> bool:
            self.refs += [parcel.ref for parcel in self.receiver.receive()]
            return len(self.refs) >= count

        wait_until(there, f"{count} references arrive")
        return self.refs

    def ring(self) -> Ring:
        return Ring.attach(ring_path(self.run_dir, 0, self.epoch()))

    def epoch(self) -> int:
        return self.ledger.camera(0).epoch

    def finish(self, *refs: FrameRef) -> None:
        """Release frames as the stage does that all branches pass through."""
        for ref in refs:
            if ref.epoch == self.epoch():
                with contextlib.suppress(FileNotFoundError):  # there is no room for the next ring
                    self.ring().release(ref, LEFT)

    def serve_until_end(self) -> None:
        def ended() -> bool:
            self.refs += [parcel.ref for parcel in self.receiver.receive()]
            self.finish(*self.refs)
            return not self._thread.is_alive()

        wait_until(ended, "the source has ended")

    def drops(self, reason: DropReason) -> int:
        return int(self.ledger.counts(0, 0).drops(reason))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._loop.close()
        self.receiver.close()


class Feeds:
    def __init__(self, run_dir: Path) -> None:
        self.ledger = Ledger.create(run_dir, 1, len(GRAPH.stages))
        self._run_dir = run_dir
        self._open: list[Feed] = []

    def start(
        self,
        *script: object,
        lossless: bool = True,
        pts_ns: Iterable[int | None] | None = None,
        retry_s: float = 0.01,
        waited_ns: int = 0,
    ) -> Feed:
        self.source = Scripted([*script, EndOfSource()], lossless=lossless)
        self.source.waited_ns = waited_ns
        if pts_ns is not None:
            self.source.pts_ns = iter(pts_ns)
        self._open.append(Feed(self._run_dir, self.ledger, self.source, retry_s))
        return self._open[-1]

    def close(self) -> None:
        for feed in self._open:
            feed.close()
