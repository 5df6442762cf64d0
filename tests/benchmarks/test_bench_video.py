"""What the packets of a camera cost capture, and how old a picture is when a browser shows it."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pipeline.memory.packet_layout import packets_path
from pipeline.memory.packet_ring import PacketRing
from pipeline.source import EndOfSource
from stages.kernels.picture import Picture
from stages.readers.file import FileReader
from tests.benchmarks.measured_line import MeasuredLine, cpu_ns
from tests.benchmarks.report import Row, report
from tests.benchmarks.test_bench_reader import cpu_ms, draw_clip
from tests.benchmarks.test_bench_web import viewers
from tests.benchmarks.timing import pinned
from tests.browser import COMMAND, Browser
from tests.integration.test_rtsp import SYSTEM_PYTHON
from tests.ports import free_port
from tests.stages.services.web.test_player import BEGIN
from tests.stages.services.web.test_video import film_source
from tests.stages.services.web.web_line import TINY_MODEL, WebLine

pytestmark = pytest.mark.bench

CAMERA = Path(__file__).with_name("clock_camera.py")
SETTLED_S, WATCHED_S = 3.0, 10.0  # a film begins with the packets since the last key frame
FRAMES = 80
CLOCKS = (("320x240", 10), ("1280x720", 25))
TURNS, SETTLED, RESULTS, VIEWERS = 3, 50, 200, 8

# Read the bars of clock_camera.py in whatever can be drawn, and keep how long ago they were.
READ_CLOCK = """
  const canvas = document.createElement('canvas');
  canvas.width = 24 * 8; canvas.height = 8;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  globalThis.ages = [];
  let last = 0;
  globalThis.readClock = (image) => {
    const nowMs = Date.now();
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 4, canvas.width, 1);
    let shownMs = 0;
    for (let bit = 0; bit < 24; bit += 1) shownMs = 2 * shownMs + (data[4 * (8 * bit + 4)] > 127);
    if (shownMs !== last) ages.push((nowMs - shownMs) % 2 ** 24);
    last = shownMs;
  };
"""
BY_VIDEO = f"{READ_CLOCK} player.addEventListener('frame', () => readClock(video));"
BY_JPEG = f"""{READ_CLOCK}
  globalThis.player?.stop();
  document.body.innerHTML = '<img src="/cameras/clock/live.mjpg?fps=30&annotated=0">';
  const look = () => {{
    const image = document.querySelector('img');
    if (image.naturalWidth) readClock(image);
    requestAnimationFrame(look);
  }};
  look();
"""


def read_all(path: Path, ring: PacketRing | None) -> int:
    reader = FileReader(f"file:{path}", name=path.name)
    reader.packets = ring
    form = reader.open(0)
    picture = Picture(form, np.zeros(form.nbytes, np.uint8))
    with contextlib.suppress(EndOfSource), contextlib.closing(reader):
        while True:
            reader.read(picture)
    return 0


def test_cost_for_capture_table(tmp_path: Path) -> None:
    rows: list[Row] = []
    for size in ((1280, 720), (1920, 1080)):
        path = draw_clip(tmp_path / f"{size[1]}.mp4", size, "libx264", 25)

        def keep(path: Path, name: str) -> int:
            ring = tmp_path / name
            ring.mkdir(exist_ok=True)
            return read_all(path, PacketRing(packets_path(ring, 0), 16 << 20))

        with pinned():
            without = cpu_ms(partial(read_all, path, None), 100)
            kept = cpu_ms(partial(keep, path, str(size[1])), 100)
        rows.append(
            {
                "H.264": f"{size[0]}x{size[1]}, {path.stat().st_size // 100:,} bytes a frame",
                "CPU ms per frame": without,
                "with the ring": kept,
                "ratio": kept / without,
            }
        )
    report("packets", "Reading a file, without and with a ring of packets", rows)


def test_cost_of_viewers_table(tmp_path: Path) -> None:
    rows: list[Row] = []
    with WebLine(tmp_path / "line", [film_source(tmp_path)]) as web:
        web.wait_for_results("street")
        time.sleep(12)  # who has asked is listened for some seconds longer
        for count in (0, 1, 8):
            with video_viewers(web.host, "street", count):
                time.sleep(SETTLED_S)
                pid = web.line.pid("web")
                before_ns, start_ns = cpu_ns(pid), time.monotonic_ns()
                time.sleep(WATCHED_S)
                share = (cpu_ns(pid) - before_ns) / (time.monotonic_ns() - start_ns)
            rows.append({"viewers": str(count), "% of a core": 100 * share})
    report("video", "Viewers of video, 25 fps", rows)


@contextlib.contextmanager
def video_viewers(host: str, camera: str, count: int) -> Iterator[None]:
    """They take what comes, in threads."""

    def take(socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                socket.recv()

    with contextlib.ExitStack() as stack:
        for _ in range(count):
            address = f"ws://{host}/api/v1/cameras/{camera}/video"
            socket = stack.enter_context(connect(address, max_size=None))
            thread = threading.Thread(target=take, args=(socket,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(socket.close)
        yield


def test_ages_with_viewers_table(tmp_path: Path) -> None:
    """In turns, so that what else the machine does is in all of them."""
    clip = draw_clip(tmp_path / "street.mp4", (1280, 720), "libx264", 25)
    port = free_port()
    source = {"uri": str(clip), "loop": True, "realtime": True}
    line = MeasuredLine(
        tmp_path / "line", TINY_MODEL, source, f"web={{listen: '127.0.0.1:{port}'}}"
    )
    kinds: dict[str, Callable[[], AbstractContextManager[object]]] = {
        "none": contextlib.nullcontext,
        f"{VIEWERS} of Motion JPEG": lambda: viewers(port, VIEWERS),
        f"{VIEWERS} of video": lambda: video_viewers(f"127.0.0.1:{port}", "cam0", VIEWERS),
    }
    ages_ms: dict[str, list[float]] = {kind: [] for kind in kinds}
    spent_ns: dict[str, list[int]] = {kind: [0, 0, 0] for kind in kinds}
    lost = dict.fromkeys(kinds, 0)
    try:
        line.receive(SETTLED)
        pids = line.pids()
        for _ in range(TURNS):
            for kind, look in kinds.items():
                line.receive(11 * 25)  # who has asked is listened for some seconds longer
                with look():
                    line.receive(SETTLED)
                    before = [time.monotonic_ns(), cpu_ns(pids["web"]), sum_cpu_ns(pids)]
                    messages = line.receive(RESULTS)
                    after = [time.monotonic_ns(), cpu_ns(pids["web"]), sum_cpu_ns(pids)]
                ages_ms[kind] += [message.age_ms for message in messages]
                lost[kind] += messages[-1].frame_id - messages[0].frame_id + 1 - len(messages)
                for i in range(3):
                    spent_ns[kind][i] += after[i] - before[i]
    finally:
        line.end()
    report(
        "video_ages",
        f"Ages of results of 720p at 25 fps, {TURNS * RESULTS} of each, with and without viewers",
        [
            {
                "viewers": kind,
                "age p50 ms": float(np.percentile(ages_ms[kind], 50)),
                "age p99 ms": float(np.percentile(ages_ms[kind], 99)),
                "frames lost": lost[kind],
                "web, % of a core": 100 * spent_ns[kind][1] / spent_ns[kind][0],
                "the others, % of a core": 100 * spent_ns[kind][2] / spent_ns[kind][0],
            }
            for kind in kinds
        ],
    )


def sum_cpu_ns(pids: Mapping[str, int]) -> int:
    """Of all processes but `web`."""
    return sum(cpu_ns(pid) for name, pid in pids.items() if name != "web")


@pytest.fixture(params=CLOCKS, ids=[size for size, _ in CLOCKS])
def clock(request: pytest.FixtureRequest) -> tuple[str, int]:
    """Size and pictures a second."""
    given: tuple[str, int] = request.param
    return given


@pytest.fixture
def clock_line(tmp_path: Path, clock: tuple[str, int]) -> Iterator[WebLine]:
    port = free_port()
    size, fps = clock
    command = [SYSTEM_PYTHON, str(CAMERA), str(port), size, str(fps)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as camera:
        assert camera.stdout is not None
        assert camera.stdout.readline() == b"listening\n"
        source: dict[str, object] = {"name": "clock", "uri": f"rtsp://127.0.0.1:{port}/test"}
        try:
            with WebLine(tmp_path / "line", [source]) as web:
                web.wait_for_results("clock")
                yield web
        finally:
            camera.kill()


@pytest.mark.skipif(COMMAND is None, reason="no Chromium")
def test_glass_to_glass_table(clock_line: WebLine, clock: tuple[str, int]) -> None:
    rows: list[Row] = []
    with Browser() as browser:
        browser.visit(f"http://{clock_line.host}/")
        browser.wait_for("document.querySelector('main') !== null", "the page is there")
        browser.evaluate(BEGIN.replace("CAMERA", "'clock'"))
        browser.wait_for("player.state === 'playing' && frames > 30", "it has settled")
        for name, script in (("video", BY_VIDEO), ("Motion JPEG", BY_JPEG)):
            browser.evaluate(f"(() => {{ {script} }})()")
            browser.wait_for(f"ages.length > {FRAMES}", "pictures are shown")
            ages_ms = browser.evaluate("ages")[20:]
            line_ms = [message.age_ms for message in clock_line.line.messages()[-FRAMES:]]
            rows.append(
                {
                    "shown as": name,
                    "p50 ms": float(np.percentile(ages_ms, 50)),
                    "p95 ms": float(np.percentile(ages_ms, 95)),
                    "film ahead s": browser.evaluate("player.behindS"),
                    "age of results p50 ms": float(np.percentile(line_ms, 50)),
                }
            )
    size, fps = clock
    title = f"From drawing a picture ({size}, {fps} fps) to showing it in Chromium"
    report(f"glass_{size}", title, rows)
