"""The player in Chromium: pictures advance, they are not black, and each is the one it says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import COMMAND, Browser
from tests.clips import level, make_clip
from tests.integration.test_rtsp import _needs_gstreamer, serve
from tests.ports import free_port
from tests.stages.readers.coded_clips import FRAME_NS
from tests.stages.services.web.test_video import film_source
from tests.stages.services.web.web_line import WebLine

__all__ = ["_needs_gstreamer"]  # skips this file, too
pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

# A page that has the player and nothing else of the dashboard.
BEGIN = """(async () => {
  const { Player } = await import('/assets/picture/player.js');
  const { Access } = await import('/assets/line/access.js');
  document.body.innerHTML = '<video></video>';
  globalThis.video = document.querySelector('video');
  globalThis.states = [];
  globalThis.frames = 0;
  globalThis.player?.stop();
  globalThis.player = new Player(new Access(), video, CAMERA);
  player.addEventListener('state', ({ detail }) => states.push(`${detail.state}: ${detail.why}`));
  player.addEventListener('frame', () => { frames += 1; });
  player.start();
})()"""
# Jump back to a picture: the time that the player says it is of, and the mean of its green channel.
# The clip begins anew every eight seconds, and with it the film; a try that one ends in is void.
HOLD = """(async () => {
  clearInterval(player.timer); // or it plays on
  const canvas = document.createElement('canvas');
  canvas.width = 32; canvas.height = 24;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const isBegun = () => player.film?.isBegun && video.currentTime > 0.5 && video.videoWidth > 0;
  const held = async () => {
    const { film } = player;
    video.pause();
    const atS = video.currentTime - 0.2;
    let shown = null;
    // A busy machine tells of pictures late, so each is read in the moment it is told.
    const look = () => {
      const behindS = atS - (player.ptsNs - film.originNs) / 1e9;
      if (player.film !== film || behindS < -0.001 || behindS > FRAME_S + 0.001) return;
      context.drawImage(video, 0, 0, 32, 24);
      const { data } = context.getImageData(0, 0, 32, 24);
      shown ??= [player.ptsNs, data, video.videoWidth, video.videoHeight];
    };
    player.addEventListener('frame', look);
    video.currentTime = atS;
    for (let i = 0; i < 200 && player.film === film && shown === null; i += 1) await pause(10);
    player.removeEventListener('frame', look);
    return shown;
  };
  let shown = null;
  while (shown === null) {
    while (!isBegun()) await pause(10);
    shown = await held();
    video.play().catch(() => {});
  }
  const [ptsNs, data, width, height] = shown;
  let sum = 0;
  for (let i = 1; i < data.length; i += 4) sum += data[i];
  return [ptsNs, 4 * sum / data.length, width, height];
})()""".replace("FRAME_S", str(FRAME_NS / 1e9))


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    clip = make_clip(folder / "clip.avi", 64)
    sources: list[dict[str, object]] = [
        film_source(folder),
        {"name": "jpegs", "uri": str(clip), "loop": True, "realtime": True},
    ]
    with WebLine(folder / "line", sources) as web:
        web.wait_for_results("street")
        yield web


@pytest.fixture(scope="module")
def browser(web: WebLine) -> Iterator[Browser]:
    with Browser() as browser:
        browser.visit(f"http://{web.host}/")
        browser.wait_for("document.querySelector('main') !== null", "the page is there")
        yield browser


def begin(browser: Browser, camera: str) -> None:
    browser.evaluate(BEGIN.replace("CAMERA", repr(camera)))


def wait_for_frames(browser: Browser, count: int) -> None:
    more = browser.evaluate("frames") + count
    browser.wait_for(f"frames > {more}", f"{count} more pictures are shown")


def test_pictures_advance_and_each_is_the_one_that_it_says(web: WebLine, browser: Browser) -> None:
    begin(browser, "street")
    browser.wait_for("player.state === 'playing'", "it plays")
    assert browser.evaluate("[...states]") == ["connecting: ", "playing: "]
    shown = []
    for _ in range(4):
        wait_for_frames(browser, 15)
        shown.append(browser.evaluate(HOLD))
    times_ns = [pts_ns for pts_ns, *_ in shown]
    assert times_ns == sorted(set(times_ns))
    for pts_ns, grey, *size in shown:
        assert size == [320, 240]
        assert abs(grey - level(round(pts_ns / FRAME_NS))) < 5
    web.line.wait_for_more(30)
    known_ns = [m.pts_ns for m in web.line.messages() if m.camera == "street"]
    for pts_ns in times_ns:
        assert min(abs(known - pts_ns) for known in known_ns) < 1_000_000


@pytest.mark.parametrize("name", ["capture.street", "web", "publish"])
def test_it_plays_again_after_processes_were_killed(
    web: WebLine, browser: Browser, name: str
) -> None:
    begin(browser, "street")
    browser.wait_for("player.state === 'playing'", "it plays")
    web.line.kill_running(name)
    wait_for_frames(browser, 50)
    assert browser.evaluate("player.state") == "playing"


def test_a_camera_without_video_is_said_to_have_none(web: WebLine, browser: Browser) -> None:
    begin(browser, "jpegs")
    browser.wait_for("player.state === 'unplayable'", "it gives up")
    assert "it sends no H.264, H.265 or AV1" in browser.evaluate("states.at(-1)")


def test_what_this_browser_cannot_play_is_said(browser: Browser) -> None:
    """Debian's Chromium has no H.265."""
    begin(browser, "street")
    browser.evaluate("player.begin({ media_type: 'video/mp4; codecs=\"hvc1.1.6.L93.90\"' })")
    assert browser.evaluate("states.at(-1)") == (
        'unplayable: this browser does not play video/mp4; codecs="hvc1.1.6.L93.90"'
    )


def test_a_stopped_player_takes_nothing(browser: Browser) -> None:
    begin(browser, "street")
    browser.wait_for("player.state === 'playing'", "it plays")
    browser.evaluate("player.stop()")
    assert browser.evaluate("player.socket === null && !video.hasAttribute('src')")
    assert browser.evaluate("states.at(-1)") == "stopped: "


def test_it_plays_again_when_the_camera_comes_back(short_dir: Path, browser: Browser) -> None:
    """With another size, as a film of its own."""
    port = free_port()
    source: dict[str, object] = {
        "name": "gate", "uri": f"rtsp://127.0.0.1:{port}/test",
        "retry": {"first_s": 0.05, "cap_s": 0.5}, "silence_s": 2.0,
    }  # fmt: skip
    with WebLine(short_dir / "line", [source]) as web:
        web.wait()
        browser.visit(f"http://{web.host}/")
        browser.wait_for("document.querySelector('main') !== null", "the page is there")
        begin(browser, "gate")
        browser.wait_for("player.state === 'waiting'", "nothing is there yet")
        assert "gate is connecting" in browser.evaluate("states.at(-1)")
        for size in ("320x240", "160x120"):
            with serve(port, size):
                width = int(size.partition("x")[0])
                browser.wait_for(f"video.videoWidth === {width}", f"{size} is shown")
                wait_for_frames(browser, 20)
