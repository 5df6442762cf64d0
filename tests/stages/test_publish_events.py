"""Events as `publish` sends them, and as it gives them to the recorder."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from pipeline.client import (
    DetectionMessage,
    EventMessage,
    Message,
    StatusMessage,
    decode_message,
)
from pipeline.links.parcel import Parcel
from pipeline.memory.cameras import CameraState
from stages.events.ending import write_ending
from stages.events.event import Event
from stages.slot import DetectionBody, PublishedBody
from tests.running_line import wait_until
from tests.stages.events.happenings import make_happening, wait
from tests.stages.test_publish import CAR, Publishing


def telling(*told: tuple[int, list[Event]]) -> DetectionBody:
    """What a frame carries: events that wait, and the frames that have told of them."""
    return DetectionBody(CAR.encoded, wait(*told))


class Telling(Publishing):
    """The stage, and the events that it gives to the recorder."""

    def tell(self, frame_id: int, *told: tuple[int, list[Event]]) -> list[EventMessage]:
        """What a frame that carries these events gives the recorder."""
        return self.told(self.handle(self.make_frame(frame_id, telling(*told))))

    def told(self, result: Parcel[PublishedBody | None]) -> list[EventMessage]:
        assert result.body is not None
        return [msgspec.msgpack.decode(event, type=EventMessage) for event in result.body.events]


@pytest.fixture
def line(short_dir: Path) -> Iterator[Telling]:
    line = Telling(short_dir)
    yield line
    line.stage.close()


class Listening:
    """All messages, repeats too, from when it is connected on."""

    def __init__(self, line: Telling) -> None:
        self._line = line
        self.seen: list[Message] = []
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.connect(line._endpoint)
        self.wait_for(StatusMessage)

    def wait_for(self, kind: type[Message], **fields: object) -> None:
        def came() -> bool:
            self._line.stage.idle()
            return self.has(kind, **fields)

        wait_until(came, f"{kind.__name__} {fields} arrives")

    def has(self, kind: type[Message], **fields: object) -> bool:
        while self.socket.poll(1):
            self.seen.append(decode_message(self.socket.recv()))
        return any(
            isinstance(m, kind) and all(getattr(m, f) == fields[f] for f in fields)
            for m in self.seen
        )

    def frames_and_events(self) -> list[tuple[str, int]]:
        return [
            ("event", m.seq) if isinstance(m, EventMessage) else ("frame", m.frame_id)
            for m in self.seen
            if not isinstance(m, StatusMessage)
        ]


@pytest.fixture
def listening(line: Telling) -> Iterator[Listening]:
    listening = Listening(line)
    yield listening
    listening.socket.close()


def test_the_events_of_a_frame_follow_its_message(line: Telling, listening: Listening) -> None:
    entered = make_happening(1, kind="zone_enter", region="lawn", inside=1)
    line.tell(0)
    line.tell(1, (1, [make_happening(0), entered]))
    line.tell(2, (2, [make_happening(2)]))
    listening.wait_for(EventMessage, seq=2)
    assert listening.frames_and_events() == [
        ("frame", 0), ("frame", 1), ("event", 0), ("event", 1), ("frame", 2), ("event", 2)
    ]  # fmt: skip
    message = next(m for m in listening.seen if isinstance(m, EventMessage) and m.seq == 1)
    assert (message.camera, message.label, message.region, message.inside) == (
        "yard", "car", "lawn", 1
    )  # fmt: skip
    assert message.run == line.context.run_dir.name


def test_an_event_that_waits_for_the_recorder_is_sent_once(
    line: Telling, listening: Listening
) -> None:
    first, second = (0, [make_happening(0)]), (2, [make_happening(1)])
    told = [line.tell(0, first), line.tell(1, first), line.tell(2, first, second), line.tell(3)]
    assert [[event.seq for event in events] for events in told] == [[0], [0], [0, 1], []]
    listening.wait_for(DetectionMessage, frame_id=3)
    assert [m for m in listening.seen if isinstance(m, EventMessage)] == told[2]


def test_events_whose_frame_was_given_up_come_with_the_next_one(
    line: Telling, listening: Listening
) -> None:
    """A live camera was lost, with what was under way."""
    line.tell(0, (0, [make_happening(0)]))
    line.tell(4, *((frame, [make_happening(frame)]) for frame in range(5)))
    listening.wait_for(EventMessage, seq=4)
    assert listening.frames_and_events() == [
        ("frame", 0), ("event", 0), ("frame", 4), *(("event", seq) for seq in range(1, 5))
    ]  # fmt: skip


def test_a_frame_that_failed_brings_what_waits(line: Telling, listening: Listening) -> None:
    frame = line.make_frame(1, telling((0, [make_happening(0)])), failure="detect: no memory")
    assert [event.seq for event in line.told(line.handle(frame))] == [0]
    listening.wait_for(EventMessage, seq=0)
    assert [m.status for m in listening.seen if isinstance(m, DetectionMessage)] == ["error"]


def test_a_frame_that_comes_again_sends_no_event_and_gives_them_to_the_recorder(
    line: Telling, listening: Listening
) -> None:
    frames = {
        frame: [(frame, [make_happening(2 * frame), make_happening(2 * frame + 1)])]
        for frame in range(2)
    }
    told = {frame: line.tell(frame, *carried) for frame, carried in frames.items()}
    assert line.tell(1, *frames[1]) == told[1]
    listening.wait_for(EventMessage, seq=3)
    line.stage.close()
    line.restart()
    line.ledger.camera_writer(0).set_state(CameraState.LIVE)
    listening.wait_for(StatusMessage, state="live")  # it is connected again
    for frame, carried in frames.items():  # the successor remembers none of them
        assert line.tell(frame, *carried) == told[frame]
    line.tell(2, (2, [make_happening(4)]))
    listening.wait_for(EventMessage, seq=4)
    assert [m.seq for m in listening.seen if isinstance(m, EventMessage)] == [0, 1, 2, 3, 4]


def test_events_that_were_sent_and_not_counted_are_sent_again(
    line: Telling, listening: Listening
) -> None:
    """The process was killed between the two: what was on its way to clients may be lost."""
    carried = (0, [make_happening(0)])
    line.stage.process(line.make_frame(0, telling(carried)))
    listening.wait_for(EventMessage, seq=0)
    line.stage.close()
    line.restart()
    line.ledger.camera_writer(0).set_state(CameraState.LIVE)
    listening.wait_for(StatusMessage, state="live")
    line.tell(0, carried)
    line.tell(1, (1, [make_happening(1)]))
    listening.wait_for(EventMessage, seq=1)
    assert [m.seq for m in listening.seen if isinstance(m, EventMessage)] == [0, 0, 1]


def test_an_event_is_not_repeated_to_who_subscribes_later(line: Telling) -> None:
    early = Listening(line)
    line.tell(0, (0, [make_happening(0)]))
    early.wait_for(EventMessage, seq=0)
    late = Listening(line)
    late.wait_for(DetectionMessage, frame_id=0)  # a repeat
    line.tell(1, (1, [make_happening(1)]))
    late.wait_for(EventMessage, seq=1)
    assert late.frames_and_events() == [("frame", 0), ("frame", 1), ("event", 1)]
    early.socket.close()
    late.socket.close()


def test_the_last_events_are_sent_at_the_end(short_dir: Path) -> None:
    line = Telling(short_dir, tracks=True)
    listening = Listening(line)
    line.tell(0, (0, [make_happening(0)]))
    last = [make_happening(2, kind="track_end", reason="stop")]
    write_ending(
        short_dir, {0: wait((0, [make_happening(0)]), (1, [make_happening(1)]), (2, last))}
    )
    line.stage.close()
    wait_until(lambda: listening.has(EventMessage, seq=2), "the last event arrives")
    assert listening.frames_and_events() == [
        ("frame", 0), ("event", 0), ("event", 1), ("event", 2)
    ]  # fmt: skip
    listening.socket.close()


def test_a_line_whose_tracks_were_lost_ends_all_the_same(short_dir: Path) -> None:
    line = Telling(short_dir, tracks=True)
    line.tell(0, (0, [make_happening(0)]))
    line.stage.close()  # `track` was killed, and has left no last word
    assert line.stage._broadcast.socket.closed
