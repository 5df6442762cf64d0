"""What the page draws, asked of its modules in Chromium: colours, times, and no line."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stages.kernels.drawing.palette import (
    Colour,
    class_colour,
    ink_colour,
    track_colour,
    zone_colour,
)
from stages.kernels.drawing.segments import LINE_COLOUR
from tests.browser import COMMAND, Browser
from tests.stages.services.web.page_modules import ask, serve_modules

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")
IDS = 400


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Browser]:
    with serve_modules(browser):
        yield browser


def rgb(colour: Colour) -> list[int]:
    return list(reversed(colour))


def test_colours_are_those_of_recorded_videos(modules: Browser) -> None:
    numbers = f"[...Array({IDS}).keys()]"
    tracks = f"{numbers}.map((id) => m.objectColour({{track_id: id, class_id: 3}}))"
    assert ask(modules, "drawing/palette.js", tracks) == [rgb(track_colour(i)) for i in range(IDS)]
    classes = f"{numbers}.map((id) => m.objectColour({{class_id: id}}))"
    assert ask(modules, "drawing/palette.js", classes) == [rgb(class_colour(i)) for i in range(IDS)]
    zones = f"{numbers}.map(m.zoneColour)"
    assert ask(modules, "drawing/palette.js", zones) == [rgb(zone_colour(i)) for i in range(IDS)]
    assert ask(modules, "drawing/palette.js", "m.LINE") == rgb(LINE_COLOUR)
    inks = ask(modules, "drawing/palette.js", f"{numbers}.map((i) => m.ink(m.zoneColour(i)))")
    white = (255, 255, 255)
    expected = ["#fff" if ink_colour(zone_colour(i)) == white else "#000" for i in range(IDS)]
    assert inks == expected


def message(frame_id: int, x: float, *, epoch: int = 1, track: int = 1) -> dict[str, object]:
    """A result each 100 ms with one object of 10 x 10 pixels."""
    found = {"label": "car", "class_id": 2, "score": 0.9, "box": [x, 0, x + 10, 10]}
    return {
        "type": "detections", "run": "r", "epoch": epoch, "frame_id": frame_id, "width": 100,
        "height": 100, "pts_ns": frame_id * 100_000_000, "status": "ok",
        "detections": [{**found, "track_id": track}],
    }  # fmt: skip


def look(browser: Browser, messages: list[dict[str, object]], at: str) -> Any:
    """What Results say when they have heard these messages."""
    script = f"""(async () => {{
      const results = new m.Results();
      for (const each of {json.dumps(messages)}) results.add(each);
      const shown = await results.{at};
      return shown && {{
        boxes: shown.objects.map((found) => found.box), frame: shown.frameId,
        trail: shown.before.length,
      }};
    }})()"""
    return ask(browser, "line/results.js", script)


def test_a_frame_has_its_own_boxes(modules: Browser) -> None:
    heard = [message(i, 10.0 * i) for i in range(5)]
    found = look(modules, heard, "ofFrame(1, 3, 1)")
    assert found == {"boxes": [[30, 0, 40, 10]], "frame": 3, "trail": 3}
    assert look(modules, heard, "ofFrame(1, 7, 1)") is None
    assert look(modules, heard, "ofFrame(2, 3, 1)") is None


def test_between_two_results_objects_glide(modules: Browser) -> None:
    heard = [message(0, 0), message(1, 10), message(2, 40)]
    assert look(modules, heard, "at(100e6)")["boxes"] == [[10, 0, 20, 10]]
    assert look(modules, heard, "at(150e6)")["boxes"] == [[25, 0, 35, 10]]
    others = [message(0, 0, track=1), message(1, 50, track=2)]
    assert look(modules, others, "at(20e6)")["boxes"] == [[0, 0, 10, 10]], "another one"
    assert look(modules, others, "at(80e6)")["boxes"] == [[50, 0, 60, 10]], "the nearer one"


def test_what_is_not_known_is_not_drawn(modules: Browser) -> None:
    heard = [message(10, 0), message(30, 50)]
    assert look(modules, [], "at(0)") is None
    assert look(modules, heard, "at(0)") is None, "before all of them"
    assert look(modules, heard, "at(1.2e9)")["boxes"] == [[0, 0, 10, 10]], "a moment later"
    assert look(modules, heard, "at(2e9)") is None, "two seconds without a result"
    assert look(modules, heard, "at(9e9)") is None, "long after the last"


def test_what_an_epoch_has_told_is_not_of_the_next(modules: Browser) -> None:
    heard = [message(5, 0), message(6, 10), message(7, 50, epoch=2)]
    assert look(modules, heard, "ofFrame(1, 6, 1)") is None
    assert look(modules, heard, "ofFrame(2, 7, 1)") == {
        "boxes": [[50, 0, 60, 10]], "frame": 7, "trail": 0,
    }  # fmt: skip


def test_a_picture_waits_for_what_is_known_of_it(modules: Browser) -> None:
    script = f"""(async () => {{
      const results = new m.Results();
      const waiting = results.ofFrame(1, 2, 60000);
      results.add({json.dumps(message(1, 0))});
      results.add({json.dumps(message(2, 20))});
      return (await waiting).objects[0].box;
    }})()"""
    assert ask(modules, "line/results.js", script) == [20, 0, 30, 10]


def test_what_is_kept_does_not_grow(modules: Browser) -> None:
    script = f"""(() => {{
      const results = new m.Results();
      const one = {json.dumps(message(0, 0))};
      for (let i = 0; i < 5000; i += 1) results.add({{...one, frame_id: i, pts_ns: i * 1e7}});
      return [results.messages.length, results.messages.at(-1).frame_id];
    }})()"""
    kept, last = ask(modules, "line/results.js", script)
    assert kept <= 900
    assert last == 4999


# Counts -----------------------------------------------------------------------------------------


def event(kind: str, seq: int, run: str = "b", **told: object) -> dict[str, object]:
    begun = {"a": 0, "b": 1000}[run]
    return {"run": run, "seq": seq, "kind": kind, "captured_unix_ns": begun + seq, **told}


def enter(seq: int, inside: int, run: str = "b") -> dict[str, object]:
    return event("zone_enter", seq, run, region="yard", inside=inside, count=inside)


def cross(seq: int, direction: str, count: int) -> dict[str, object]:
    return event("line_cross", seq, region="road", direction=direction, count=count)


def count(browser: Browser, events: list[dict[str, object]]) -> Any:
    script = f"""(() => {{
      const tally = new m.Tally();
      const told = {json.dumps(events)}.map((event) => tally.add(event));
      return [told, tally.zones.get('yard')?.inside, [...tally.lines.get('road') ?? []]];
    }})()"""
    return ask(browser, "line/tally.js", script)


def test_counts_are_those_that_events_tell(modules: Browser) -> None:
    events = [enter(1, 2), cross(2, "in", 3), cross(3, "out", 1), event("track_begin", 4)]
    assert count(modules, events) == [[True, True, True, False], 2, [["in", 3], ["out", 1]]]


def test_counts_begin_anew_with_a_run(modules: Browser) -> None:
    assert count(modules, [enter(9, 5, "a"), cross(1, "in", 1)]) == [[True] * 2, None, [["in", 1]]]


def test_a_result_of_another_run_ends_what_was_counted_in_the_one_before(modules: Browser) -> None:
    """A run that was killed has told of nobody that he left."""
    result = {"type": "detections", "run": "b", "captured_unix_ns": 1500, "detections": []}
    heard = [enter(9, 5, "a"), result, result, enter(10, 6, "a")]
    assert count(modules, heard) == [[True, True, False, False], None, []]


def test_what_is_heard_late_changes_no_count(modules: Browser) -> None:
    """Events of the past are asked for while new ones come."""
    heard = [enter(7, 3), enter(5, 1), enter(9, 6, "a"), enter(8, 4)]
    assert count(modules, heard) == [[True, False, False, True], 4, []]
