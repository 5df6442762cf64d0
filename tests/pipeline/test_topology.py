import re
from typing import Any

import msgspec
import pytest

from pipeline.errors import LineError
from pipeline.topology import ProcessSpec, ServiceRow, StageRow, Topology, make_topology
from tests.pipeline.frames import GRAPH, LEFT, RIGHT, SIDE


def test_branches_are_the_paths_to_the_ends() -> None:
    assert GRAPH.branches == ((LEFT, RIGHT), (LEFT, SIDE))
    assert GRAPH.ends == ("right", "side")


def test_readers_are_the_stages_that_name_the_sender() -> None:
    assert [row.name for row in GRAPH.readers("left")] == ["right", "side"]
    assert GRAPH.readers("side") == ()


def test_a_row_may_leave_its_module_to_its_own_process() -> None:
    alone = StageRow("right", "tests.right:Right", reads="left", preload=False)
    rows = (StageRow("left", "tests.left:Left"), alone)
    assert make_topology(rows, (), ()).preloaded == ("tests.left",)


def on(key: str) -> Any:
    """A rule of the table: the row runs when the configuration has this key."""
    return lambda config: key in config


TABLE = (
    StageRow("camera", "none:None"),
    StageRow("sort", "none:None", reads="camera", ordered=True, when=on("sort")),
    StageRow("mark", "none:None", reads="sort", when=on("mark")),
    StageRow("end", "none:None", reads="mark"),
    StageRow("side", "none:None", reads="sort"),
)
SERVICES = (ServiceRow("web", "none:None", when=on("web")), ServiceRow("bell", "none:None"))


def readings(*keys: str) -> dict[str, str | None]:
    return {stage.name: stage.reads for stage in make_topology(TABLE, (), keys).stages}


def test_rows_run_when_the_configuration_says_so() -> None:
    assert readings("sort", "mark") == {
        "camera": None, "sort": "camera", "mark": "sort", "end": "mark", "side": "sort",
    }  # fmt: skip
    names = [service.name for service in make_topology(TABLE, SERVICES, ()).services]
    assert names == ["bell"]
    names = [service.name for service in make_topology(TABLE, SERVICES, ("web",)).services]
    assert names == ["web", "bell"]


def test_a_reader_of_a_row_that_does_not_run_reads_through_it() -> None:
    assert readings("sort") == {"camera": None, "sort": "camera", "end": "sort", "side": "sort"}
    assert readings("mark") == {
        "camera": None, "mark": "camera", "end": "mark", "side": "camera",
    }  # fmt: skip
    assert readings() == {"camera": None, "end": "camera", "side": "camera"}


def test_the_first_reader_behind_a_row_that_would_have_sorted_sorts() -> None:
    def sorting(*keys: str) -> list[str]:
        return [stage.name for stage in make_topology(TABLE, (), keys).stages if stage.ordered]

    assert sorting("sort", "mark") == ["sort"]
    assert sorting("mark") == ["mark", "side"]
    assert sorting() == ["end", "side"]


def test_what_processes_are_told_is_plain_data() -> None:
    topology = make_topology(TABLE, SERVICES, ("sort", "mark", "web"))
    encoded = msgspec.msgpack.encode(topology)
    assert msgspec.msgpack.decode(encoded, type=Topology) == topology


def test_of_other_options_a_process_takes_the_hot_ones() -> None:
    options = {"speed": 1, "place": "yard"}
    process = ProcessSpec("left", "left", 1, None, 0, options, hot=("speed",))
    changed = process.with_hot({"speed": 2, "place": "gate"})
    assert changed.options == {"speed": 2, "place": "yard"}
    assert process.options == options
    assert msgspec.structs.replace(changed, options=options) == process


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ((StageRow("a", "x:X"), StageRow("b", "x:X", reads="c")), "b: reads: expected one of"),
        ((StageRow("a", "x:X"), StageRow("b", "x:X")), "b: reads: expected one of ['a'], got None"),
        ((StageRow("a", "x:X", reads="b"),), "a: reads: expected one of [None], got 'b'"),
        ((StageRow("a", "x:X"), StageRow("a", "x:X", reads="a")), "got 'a' twice"),
        ((StageRow("bell", "x:X"),), "got 'bell' twice"),
        ((StageRow("a", "x:X", hot=("fps",)),), "a: hot: expected none of a source, got ('fps',)"),
    ],
)  # fmt: skip
def test_a_table_that_is_no_graph_is_refused(rows: tuple[StageRow, ...], error: str) -> None:
    with pytest.raises(LineError, match=re.escape(error)):
        make_topology(rows, SERVICES, ())
