"""Pictures of the last objects on the page: cut out here, or those that the recorder has kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import COMMAND, Browser
from tests.clips import make_clip
from tests.stages.services.web.page_modules import ask, serve_modules
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

TILES = "[...document.querySelectorAll('#gallery button')]"


# Where a picture is cut out -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def modules() -> Iterator[Browser]:
    with Browser() as browser, serve_modules(browser) as page:
        yield page


@pytest.mark.parametrize(
    "box",
    [
        [300, 200, 340, 300],
        [0, 0, 50, 20],  # in a corner
        [600, 440, 640, 480],  # in another
        [0, 0, 640, 480],  # all of it
        [310, 0, 330, 480],  # tall
        [0, 230, 640, 240],  # wide
    ],
)
def test_an_object_is_cut_out_with_what_is_around_it(modules: Browser, box: list[int]) -> None:
    x, y, width, height = ask(modules, "picture/portraits.js", f"m.cutOf({box}, 640, 480)")
    assert x >= 0
    assert y >= 0
    assert x + width <= 640.001
    assert y + height <= 480.001
    assert width / height == pytest.approx(4 / 3)
    assert x <= box[0] + 0.001
    assert y <= box[1] + 0.001
    assert x + width >= box[2] - 0.001
    assert y + height >= box[3] - 0.001


# On the page --------------------------------------------------------------------------------------


def line(folder: Path, *settings: str) -> WebLine:
    """Its model finds two objects where the clip is bright: a track begins and ends in each 16
    frames of it.
    """
    clip = make_clip(folder / "clip.avi", 64, (320, 240))
    source: dict[str, object] = {
        "name": "gate", "uri": str(clip), "loop": True, "realtime": True, "track": True,
    }  # fmt: skip
    track = "track={low_score: 0.79, confirm_s: 0, lost_s: 0.2, enabled: true}"
    return WebLine(folder / "line", [source], "postprocess.score_thresh=0.8", track, *settings)


def tiles(page: Browser) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(f"""{TILES}.map((tile) => ({{
      text: tile.innerText, image: tile.querySelector('img').src,
      width: tile.querySelector('img').naturalWidth,
    }}))""")
    return found


def test_objects_that_come_are_seen_and_can_be_enlarged(folder: Path, browser: Browser) -> None:
    with line(folder) as web:
        web.wait_for_results("gate")
        browser.resize(1280, 900)
        browser.visit(f"http://{web.host}/")
        browser.wait_for(f"{TILES}.some((tile) => tile.querySelector('img').naturalWidth)", "one")
        (tile, *_) = tiles(browser)
        assert tile["image"].startswith("blob:")
        assert (tile["width"], "gate" in tile["text"]) == (360, True)
        browser.evaluate(f"{TILES}[0].click()")
        shown = "document.querySelector('#portrait img')"
        browser.wait_for(f"document.getElementById('portrait').open && {shown}.naturalWidth", "it")
        assert browser.evaluate(f"{shown}.alt").endswith("of gate")
        browser.evaluate("document.querySelector('#portrait button').click()")
        assert not browser.evaluate("document.getElementById('portrait').open")
        browser.resize(360, 640)
        browser.wait_for("innerWidth == 360", "the screen is narrow")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 360


def test_pictures_of_the_recorder_take_their_place(short_dir: Path, browser: Browser) -> None:
    kept = f"record.folder={short_dir}/kept"
    with line(short_dir, kept, "record.snapshots={}") as web:
        web.wait_for_results("gate")
        browser.resize(1280, 900)
        browser.visit(f"http://{web.host}/")
        recorded = (
            f"{TILES}.filter((tile) => tile.querySelector('img').src.includes('/recordings/'))"
        )
        browser.wait_for(
            f"{recorded}.some((tile) => tile.querySelector('img').naturalWidth)", "one"
        )
        told = [tile["text"].partition("\n")[0] for tile in tiles(browser)]
        assert len(told) == len(set(told)), "each object is there once"
