import json
import os

from pipeline.memory.ring_layout import RingLayout
from tests.pipeline.frames import GRAPH, LEFT, RIGHT, SIDE, make_layout


def test_slots_begin_on_pages_and_areas_on_cache_lines() -> None:
    layout = make_layout()
    assert layout.first_slot % os.sysconf("SC_PAGESIZE") == 0
    assert layout.slot_bytes % os.sysconf("SC_PAGESIZE") == 0
    assert layout.total_bytes == layout.first_slot + 4 * layout.slot_bytes


def test_a_header_keeps_the_layout() -> None:
    layout = make_layout(9)
    kept = RingLayout.from_header(layout.to_header())
    assert kept.slots == 9
    assert kept.areas == layout.areas
    assert tuple(kept.columns) == GRAPH.names
    assert kept.lossless
    assert not RingLayout.from_header(layout._replace(lossless=False).to_header()).lossless
    assert json.loads(layout.to_header())["branches"] == [[LEFT, RIGHT], [LEFT, SIDE]]
