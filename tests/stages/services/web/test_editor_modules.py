"""The geometry of the editor and its memory, asked of their modules in Chromium."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import COMMAND, Browser
from tests.stages.services.web.page_modules import ask, serve_modules

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")
SQUARE = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]]
REGIONS = {
    "zones": {"yard": {"polygon": [*SQUARE, SQUARE[0]], "labels": ["car"], "dwell_s": None}},
    "lines": {"road": {"from": [0, 0.5], "to": [1, 0.5], "a_to_b": "in", "b_to_a": "out"}},
}


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Browser]:
    with serve_modules(browser):
        yield browser


def geometry(browser: Browser, call: str) -> Any:
    return ask(browser, "editor/geometry.js", f"m.{call}")


@pytest.mark.parametrize(
    ("way", "first"),
    [([0.1, -0.1], [0.3, 0.1]), ([-1, 0], [0, 0.2]), ([2, 2], [0.8, 0.8])],
)
def test_a_shape_moves_as_far_as_the_picture_goes(
    modules: Browser, way: list[float], first: list[float]
) -> None:
    moved = geometry(modules, f"moveAll({SQUARE}, {way})")
    assert moved[0] == first
    assert moved[2] == pytest.approx([first[0] + 0.2, first[1] + 0.2]), "its shape stays"


def test_a_new_point_is_in_the_middle_of_its_edge(modules: Browser) -> None:
    assert geometry(modules, f"insertAfter({SQUARE}, 0)")[1] == [0.3, 0.2]
    assert geometry(modules, f"insertAfter({SQUARE}, 3)")[4] == [0.2, 0.3], "the closing edge"


def test_edges_that_cross_are_found(modules: Browser) -> None:
    assert geometry(modules, f"crossing({SQUARE})") is None
    assert geometry(modules, f"crossing({[SQUARE[i] for i in (0, 2, 1, 3)]})") == [0, 2]
    assert geometry(modules, f"crossing({SQUARE[:3]})") is None


def test_what_is_read_is_written_again(modules: Browser) -> None:
    """A polygon that is closed by its first point has that point once."""
    script = f"m.regionsOf(m.shapesOf({json.dumps(REGIONS)}))"
    yard = {"polygon": SQUARE, "labels": ["car"], "dwell_s": None}
    assert ask(modules, "editor/draft.js", script) == {
        "zones": {"yard": yard}, "lines": REGIONS["lines"],
    }  # fmt: skip


def test_steps_are_undone_and_done_again(modules: Browser) -> None:
    """What belongs to one drag is one step; what is new ends what was undone."""
    script = f"""(() => {{
      const draft = new m.Draft(m.shapesOf({json.dumps(REGIONS)}));
      const names = () => draft.shapes.map(({{ name }}) => name).join();
      const seen = [];
      draft.replace(0, {{ name: 'a' }}, 1);
      draft.replace(0, {{ name: 'b' }}, 1);
      draft.replace(0, {{ name: 'c' }}, 2);
      for (const act of ['undo', 'undo', 'undo', 'redo', 'redo', 'redo']) {{
        draft[act]();
        seen.push(names());
      }}
      draft.undo();
      draft.replace(0, {{ name: 'd' }});
      draft.redo();
      return [...seen, names(), draft.isChanged];
    }})()"""
    assert ask(modules, "editor/draft.js", script) == [
        "b,road", "yard,road", "yard,road", "b,road", "c,road", "c,road", "d,road", True,
    ]  # fmt: skip


def test_names_are_checked_as_the_configuration_does(modules: Browser) -> None:
    script = f"""(() => {{
      const shapes = m.shapesOf({json.dumps(REGIONS)});
      const draft = new m.Draft([...shapes, {{ ...shapes[0], name: 'zone-1' }}]);
      return ['', 'a b', 'yard', 'road', 'x'.repeat(65), 'gate_2-b']
        .map((name) => draft.checkName(2, name) === '')
        .concat(draft.freeName('zone'));
    }})()"""
    accepted = [False, False, False, True, False, True]
    assert ask(modules, "editor/draft.js", script) == [*accepted, "zone-2"]
