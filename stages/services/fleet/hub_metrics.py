"""All metrics of a fleet, from what its boards tell and what the hub says of its streams."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.service import CAMERA_STATES
from stages.services.fleet import hub_families as families
from stages.services.fleet.messages import BoardState, Counters
from stages.services.fleet.view import BoardView, FleetView
from stages.services.metrics.families import Family
from stages.services.metrics.metric import Labels, Metric

STATUSES = ("up", "silent", "stopped")
_NS_PER_S = 1_000_000_000
_MS_PER_S = 1000

StreamInfo = Mapping[str, Any]  # as JetStream answers STREAM.INFO


def collect_hub(*, is_up: bool) -> Iterator[Metric]:
    yield Metric(families.HUB_UP, ((),), [int(is_up)])


def collect_boards(view: FleetView) -> Iterator[Metric]:
    """What each board has said of itself last, and whether it is still heard."""
    now_ns = view.now_ns()
    boards = [board for board in view.boards() if board.state is not None]
    names = tuple((board.site, board.name) for board in boards)
    statuses = [board.status(now_ns) for board in boards]
    yield Metric(families.INFO, tuple(_info(board) for board in boards), [1] * len(boards))
    yield _stateset(families.STATUS, names, STATUSES, statuses)
    yield Metric(families.SICK, names, [int(board.is_sick(now_ns)) for board in boards])
    yield Metric(families.HEARD, names, [board.silent_s(now_ns) for board in boards])
    yield Metric(families.CLOCK, names, [board.clock_s or 0.0 for board in boards])
    yield _rows(families.TEMPERATURE, boards, _temperatures)
    states = [state for board in boards if (state := board.state) is not None]
    known = zip(names, (state.throttled for state in states), strict=True)
    yield _pairs(families.THROTTLED, [(name, int(now)) for name, now in known if now is not None])
    yield Metric(families.RESTARTS, names, [state.restarts for state in states])
    yield Metric(families.WAITING, names, [state.outbox.waiting for state in states])
    yield Metric(families.WAITING_BYTES, names, [state.outbox.bytes for state in states])
    yield _rows(families.LOST, boards, lambda state: sorted(state.outbox.lost.items()))


def collect_cameras(view: FleetView) -> Iterator[Metric]:
    """Of the boards that are up: what cameras of the others do, nobody knows."""
    now_ns = view.now_ns()
    up = [board for board in view.boards() if board.status(now_ns) == "up"]
    states = {
        (board.site, board.name, camera): state
        for board in up if board.state is not None
        for camera, state in board.state.cameras.items()
    }  # fmt: skip
    yield _stateset(families.CAMERA_STATE, tuple(states), CAMERA_STATES, tuple(states.values()))
    counted = {
        (board.site, board.name, name): camera.counters
        for board in up
        for name, camera in board.cameras()
        if camera.counters is not None
    }
    yield _of_cameras(families.CAPTURED, counted, lambda found: found.captured)
    yield _of_cameras(families.PUBLISHED, counted, lambda found: found.published)
    yield _of_cameras(
        families.DROPS, counted, lambda found: sum(each.frames for each in found.drops)
    )
    yield _of_cameras(families.FPS, counted, lambda found: found.published_fps)
    yield _of_cameras(families.AGE, counted, _age_s)


def collect_streams(infos: Iterable[StreamInfo]) -> Iterator[Metric]:
    """What the hub has, and what it has still to fetch."""
    found = list(infos)
    names = tuple((info["config"]["name"],) for info in found)
    states = [info["state"] for info in found]
    yield Metric(families.STORED, names, [state["last_seq"] for state in states])
    yield Metric(families.MESSAGES, names, [state["messages"] for state in states])
    yield Metric(families.BYTES, names, [state["bytes"] for state in states])
    limits = [(info["config"]["name"], info["config"].get("max_bytes", -1)) for info in found]
    yield _pairs(families.MOST_BYTES, [((name,), most) for name, most in limits if most >= 0])
    sources = [
        ((info["config"]["name"], source["external"]["api"].split(".")[1]), source)
        for info in found
        for source in info.get("sources", ())
    ]
    yield _pairs(families.LAG, [(labels, source.get("lag", 0)) for labels, source in sources])
    heard = [(labels, source.get("active", -1)) for labels, source in sources]
    yield _pairs(
        families.SOURCE_SILENT, [(labels, ns / _NS_PER_S) for labels, ns in heard if ns >= 0]
    )


def _info(board: BoardView) -> Labels:
    state = board.state
    assert state is not None
    return board.site, board.name, state.host, state.version, state.model.name


def _temperatures(state: BoardState) -> list[tuple[str, float]]:
    """Several sensors may have one name."""
    hottest: dict[str, float] = {}
    for sensor in state.temperatures:
        hottest[sensor.name] = max(sensor.celsius, hottest.get(sensor.name, sensor.celsius))
    return list(hottest.items())


def _age_s(counters: Counters) -> float | None:
    return None if counters.age_p50_ms is None else counters.age_p50_ms / _MS_PER_S


def _rows(
    family: Family,
    boards: Sequence[BoardView],
    read: Callable[[BoardState], Sequence[tuple[str, float]]],
) -> Metric:
    """Several of each board, told apart by a last label."""
    return _pairs(
        family,
        [
            ((board.site, board.name, label), value)
            for board in boards if board.state is not None
            for label, value in read(board.state)
        ],
    )  # fmt: skip


def _of_cameras(
    family: Family,
    counted: Mapping[tuple[str, str, str], Counters],
    read: Callable[[Counters], float | None],
) -> Metric:
    values = [(labels, read(counters)) for labels, counters in counted.items()]
    return _pairs(family, [(labels, value) for labels, value in values if value is not None])


def _pairs(family: Family, rows: Sequence[tuple[Labels, float]]) -> Metric:
    return Metric(family, tuple(labels for labels, _ in rows), [value for _, value in rows])


def _stateset(
    family: Family, names: Sequence[Labels], states: Sequence[str], found: Sequence[str]
) -> Metric:
    """1 for the state of each, 0 for the others."""
    labels = tuple((*name, state) for name in names for state in states)
    return Metric(family, labels, [int(state == now) for now in found for state in states])
