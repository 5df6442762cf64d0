"""Which picture the page shows of a camera: its own video where there is any, with its boxes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import COMMAND, Browser
from tests.clips import make_clip
from tests.stages.readers.coded_clips import make_coded
from tests.stages.services.web.web_line import CUT_OFF, WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

SIZE = (320, 240)
STREET = "document.querySelectorAll('.picture')[0]"
JPEGS = "document.querySelectorAll('.picture')[1]"
SHOWN = f"""(() => {{
  const stage = {STREET};
  const copy = new OffscreenCanvas(1, 1);
  const context = copy.getContext('2d', {{ willReadFrequently: true }});
  const film = stage.classList.contains('film');
  context.drawImage(stage.querySelector(film ? 'video' : '.still'), 0, 0, 1, 1);
  return [stage.dataset.frame, context.getImageData(0, 0, 1, 1).data[1]];
}})()"""


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    """Both films are of flat greys, which tell the number of the frame."""
    options = {"g": "10", "bf": "0", "x264-params": "scenecut=0"}
    coded = make_coded(folder / "film.ts", "libx264", range(160), size=SIZE, options=options)
    clip = make_clip(folder / "clip.avi", 64, SIZE)
    sources: list[dict[str, object]] = [
        {"name": "street", "uri": str(coded), "loop": True, "realtime": True},
        {"name": "jpegs", "uri": str(clip), "loop": True, "realtime": True, "fps": 5},
    ]
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("street")
        yield web


@pytest.fixture(scope="module")
def page(web: WebLine, browser: Browser) -> Browser:
    browser.resize(1280, 900)
    browser.visit(f"http://{web.host}/")
    browser.wait_for(f"{STREET}.classList.contains('film')", "the video plays")
    return browser


def test_a_video_plays_and_results_of_its_pictures_are_drawn(page: Browser) -> None:
    """That each picture is of the time that it says, the tests of the player hold."""
    for _ in range(3):
        frame, _ = page.evaluate(SHOWN)
        page.wait_for(
            f"{STREET}.dataset.frame && {STREET}.dataset.frame != {frame!r}", "the next result"
        )
        assert page.evaluate(f"{STREET}.classList.contains('film')")
    assert page.evaluate(f"{STREET}.querySelector('.source').textContent").startswith("Video")


def test_a_camera_without_video_is_seen_in_pictures_and_it_is_said_why(page: Browser) -> None:
    source = f"{JPEGS}.querySelector('.source').textContent"
    said = f"{source}.startsWith('Pictures: ') && {source}.includes('H.264')"
    page.wait_for(said, "pictures come, and the reason")
    assert not page.evaluate(f"{JPEGS}.classList.contains('film')")


def test_a_paused_video_leaves_its_picture(page: Browser) -> None:
    page.evaluate("document.getElementById('pause').click()")
    page.wait_for(f"!{STREET}.classList.contains('film')", "it has stopped")
    frame, grey = page.evaluate(SHOWN)
    assert grey > 60, "a grey of the film, not black"
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 1000))")
    assert page.evaluate(SHOWN) == [frame, grey]
    page.evaluate("document.getElementById('pause').click()")
    page.wait_for(f"{STREET}.classList.contains('film')", "it plays again")


def test_video_goes_on_when_the_service_was_killed(web: WebLine, page: Browser) -> None:
    web.line.kill_running("web")
    held = page.evaluate(f"{STREET}.dataset.frame")
    playing = f"{STREET}.classList.contains('film') && {STREET}.dataset.frame"
    page.wait_for(f"{playing} && {STREET}.dataset.frame != {held!r}", "it plays again")


def test_a_browser_had_nothing_to_complain_of(page: Browser) -> None:
    """But for events that are not kept, and the service that was killed."""
    expected = ("status of 404", "status of 503", "net::ERR_", *CUT_OFF)
    assert [text for text in page.complaints if not any(word in text for word in expected)] == []
