"""The day of a camera on the page: of the clock of who looks, with all of its clips."""

import base64
import io
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest

from tests.browser import COMMAND, Browser
from tests.stages.services.web.page_modules import ask, serve_modules

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

# A camera of which the line keeps `clips`, and nothing continuously.
PAGE = """
  document.body.innerHTML = `<section><input type="date"><input type="range" max="1439">
    <svg class="bars"></svg><p class="hours"></p><p class="none"></p><video class="film"></video>
    <ul class="clips"></ul>
  </section>`;
  const asked = [];
  const clip = (begin, more) => ({
    begin_unix_ns: begin * 1e9, end_unix_ns: (begin + 20) * 1e9, begin: '', file: `/${begin}`,
    thumbnail: 'data:,', why: 'visits', labels: [], open: false, ...more,
  });
  let clips = [];
  const access = {
    ticket: async () => '',
    fetch: async (path) => {
      asked.push(path);
      const query = new URLSearchParams(path.split('?')[1]);
      const [from, to] = ['from', 'to'].map((name) => Number(query.get(name)));
      const told = {
        continuous: [], clips: clips.map((each) => clip(from + each.at, each)),
        events: Array(Math.ceil((to - from) / 3600)).fill(1),
        begin_unix_ns: from * 1e9, end_unix_ns: to * 1e9,
      };
      return { ok: true, json: async () => told };
    },
  };
  const [day, minute] = document.querySelectorAll('input');
  const past = new m.Past(document.querySelector('section'), access);
  const shown = () => [...document.querySelectorAll('.clips li')];
  const choose = (value) => { minute.value = value; minute.dispatchEvent(new Event('change')); };
  const settle = () => new Promise((done) => setTimeout(done, 50));
  const open = async (date) => {
    past.open('gate');
    day.value = date;
    day.dispatchEvent(new Event('change'));
    await settle();
  };
"""


@pytest.fixture(scope="module")
def modules() -> Iterator[Browser]:
    with Browser() as browser, serve_modules(browser) as page:
        yield page


def shown(modules: Browser, script: str) -> Any:
    return ask(modules, "cards/past.js", f"(async () => {{ {PAGE} {script} }})()")


@pytest.mark.parametrize(
    ("zone", "day", "after", "hours", "marks"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-30", 23, "00:00 06:45 12:30 18:15 00:00"),
        ("Europe/Berlin", "2026-07-01", "2026-07-02", 24, "00:00 06:00 12:00 18:00 00:00"),
        ("Europe/Berlin", "2026-10-25", "2026-10-26", 25, "00:00 05:15 11:30 17:45 00:00"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", 24.5, "00:00 05:37 11:45 17:52 00:00"),
        ("Pacific/Kiritimati", "2026-12-01", "2026-12-02", 24, "00:00 06:00 12:00 18:00 00:00"),
        ("America/Santiago", "2026-09-06", "2026-09-07", 23, "01:00 06:45 12:30 18:15 00:00"),
    ],
)
def test_a_day_is_that_of_the_clock_of_who_looks(
    modules: Browser, zone: str, day: str, after: str, hours: float, marks: str
) -> None:
    modules.call("Emulation.setTimezoneOverride", timezoneId=zone)
    address, bars, told = shown(modules, f"""
      await open('{day}');
      const bars = [...document.querySelectorAll('.happened')];
      return [asked.at(-1), bars.map((bar) => bar.x.baseVal.value),
              [...document.querySelectorAll('.hours b')].map((mark) => mark.textContent)];
    """)  # fmt: skip
    query = parse_qs(urlsplit(address).query)
    begin, end = (float(query[name][0]) for name in ("from", "to"))
    days = [f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%F}" for at in (begin - 1, begin, end)]
    assert days[0] < days[1]
    assert days[1:] == [day, after]
    assert (end - begin) / 3600 == hours
    assert bars[1] - bars[0] == pytest.approx(1440 / hours, abs=0.01)  # an hour in the drawing
    assert " ".join(told) == marks


def test_every_clip_of_a_day_can_be_reached(modules: Browser) -> None:
    """Those before the chosen time are listed; it plays one where nothing else is recorded."""
    modules.call("Emulation.setTimezoneOverride", timezoneId="America/Los_Angeles")
    found = shown(modules, """
      clips = Array.from({ length: 100 }, (_, i) => ({ at: i * 600, why: `rule-${i}` }));
      await open('2026-12-01');
      const names = () => shown().map((row) => row.querySelector('span').textContent);
      const newest = names();
      choose(100);
      await settle();
      const film = document.querySelector('.film');
      const then = [names(), film.hidden, film.src];
      choose(105);
      return [newest, ...then, asked.at(-1), document.querySelector('.none').textContent];
    """)  # fmt: skip
    newest, earlier, is_hidden, film, address, told = found
    assert newest == [f"rule-{i}" for i in range(99, 75, -1)]
    assert earlier == [f"rule-{i}" for i in range(10, -1, -1)]  # of minute 100 and before
    assert not is_hidden
    begin = float(parse_qs(urlsplit(address).query)["from"][0])
    assert film.endswith(f"/{begin + 6000:.0f}#t=0")  # that of minute 100
    assert told == "Nothing is recorded of 01:45."


def test_another_day_begins_with_its_newest_clips(modules: Browser) -> None:
    names = shown(modules, """
      clips = [{ at: 80000, why: 'late' }];
      await open('2026-12-01');
      choose(0);
      const none = shown().length;
      await open('2026-12-02');
      return [none, shown().length];
    """)  # fmt: skip
    assert names == [0, 1]


def test_a_clip_that_is_being_made_has_no_picture_yet(modules: Browser) -> None:
    script = """
      clips = [{ at: 0 }, { at: 60, open: true }];
      await open('2026-12-01');
      return shown().map((row) => row.querySelector('img').hasAttribute('src'));
    """
    assert shown(modules, script) == [False, True]


def film_of(codec: str, *, sound: bool) -> str:
    """Half a second of grey, as the address of a file."""
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as film:
        pictures: Any = film.add_stream(codec, rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 160, 128, "yuv420p"
        if codec == "libx265":
            pictures.codec_tag, pictures.options = "hvc1", {"x265-params": "log-level=error"}
        tone: Any = film.add_stream("aac", rate=16000, layout="mono") if sound else None
        for _ in range(5):
            grey = np.full((128, 160, 3), 128, np.uint8)
            film.mux(pictures.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))
        film.mux(pictures.encode())
        for index in range(8 if sound else 0):
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            quiet.sample_rate, quiet.pts = 16000, index * 1024
            quiet.time_base = Fraction(1, 16000)
            film.mux(tone.encode(quiet))
        if sound:
            film.mux(tone.encode())
    return "data:video/mp4;base64," + base64.b64encode(written.getvalue()).decode()


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_film_that_the_browser_does_not_show_is_told(
    modules: Browser, codec: str, sound: bool
) -> None:
    """Chromium without H.265 plays the sound of it under a black picture, and says nothing."""
    told, plays, later = shown(modules, f"""
      clips = [{{ at: 60, file: '{film_of(codec, sound=sound)}' }}];
      await open('2026-12-01');
      const film = document.querySelector('.film');
      film.muted = true;
      film.preload = 'auto';
      const known = new Promise((done) => {{ film.addEventListener('loadeddata', done);
        film.addEventListener('error', done); }});
      document.querySelector('.clips button').click();
      await known;
      const told = () => document.querySelector('.none').textContent;
      const first = told();
      await past.load(); // as something has happened
      return [first, film.videoWidth > 0, told()];
    """)  # fmt: skip
    assert told == ("1 clip, 24 events" if plays else "This browser cannot show this film.")
    assert later == told
    assert plays or codec == "libx265"
