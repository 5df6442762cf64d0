"""Films of the past: listed, downloaded by parts, protected, deleted, and played by a browser."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.services.archive.archive import Archive
from stages.services.archive.layout import NS, begin_of_day, day_of
from stages.services.archive.retention import Limits
from stages.services.recorder.clips import Clips
from stages.services.recorder.finisher import Finisher
from stages.services.recorder.pauses import Pauses
from tests import browser
from tests.running_line import wait_until
from tests.stages.services.archive.files import make_event
from tests.stages.services.recorder.camera import MODEL, MadeUpCamera
from tests.stages.services.recorder.test_clips import RULE
from tests.stages.services.recorder.test_continuous import Room
from tests.stages.services.web.web_line import WebLine

API = "/api/v1"
STREET: dict[str, object] = {"name": "gate", "uri": "scene://street?seed=7&width=160&height=120"}


def fill(folder: Path, run: Path) -> None:
    """A clip, and four files of continuous recording, of the last minute."""
    camera = MadeUpCamera(run, begin_ns=time.time_ns() - 60 * NS)
    room = Room(folder, camera)
    for _ in range(35):
        camera.send(1)
        room.continuous.take_turn()
    room.end()
    room.archive.close()
    archive = Archive(folder, Limits(free_gb=0))
    finisher = Finisher()
    packets: Any = camera
    clips = Clips({"visits": RULE}, ["gate"], packets, archive, finisher, MODEL, Pauses(()))
    event = make_event(camera.at(100), 0, kind="line_cross", direction="in", count=1)
    archive.add_event(event)
    clips.hear(event)
    clips.take_turn(camera.now)
    clips.end()
    wait_until(lambda: finisher.is_idle or bool(put(archive, finisher)), "the clip is finished")
    archive.close()


def put(archive: Archive, finisher: Finisher) -> int:
    done = finisher.take()
    for path, sidecar in done:
        sidecar.open = False
        archive.put(path, sidecar)
    return len(done)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="line-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def web(folder: Path) -> Iterator[WebLine]:
    fill(folder / "record", folder / "run")
    with WebLine(folder / "line", [STREET], f"record.folder={folder}/record") as web:
        web.wait()
        yield web


def listed(web: WebLine, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = web.ask(f"{API}/recordings?{query}").json()["recordings"]
    return found


def test_recordings_are_listed_by_kind_with_their_sidecars(web: WebLine) -> None:
    assert [each["kind"] for each in listed(web, "kind=continuous")] == 4 * ["continuous"]
    (clip,) = listed(web, "kind=clip&camera=gate")
    assert (clip["why"], clip["labels"], clip["open"]) == ("visits", ["person"], False)
    found = web.ask(f"{API}/recordings/{clip['id']}").json()
    assert found["recording"] == clip
    assert found["sidecar"]["events"][0]["kind"] == "line_cross"
    assert web.ask(clip["thumbnail"]).body[:2] == b"\xff\xd8"


def test_a_film_comes_whole_and_by_parts(web: WebLine) -> None:
    (clip,) = listed(web, "kind=clip")
    whole = web.ask(clip["file"])
    assert (whole.status, whole.headers["Content-Type"]) == (200, "video/mp4")
    assert whole.body[4:8] == b"ftyp"
    part = web.ask(clip["file"], headers={"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.body)}"
    assert web.ask(clip["file"], headers={"Range": "bytes=99999999-"}).status == 416


def test_a_day_is_told_at_a_glance(web: WebLine) -> None:
    (clip,) = listed(web, "kind=clip")
    day = day_of(clip["begin_unix_ns"])
    found = web.ask(f"{API}/cameras/gate/timeline?day={day}").json()
    assert sum(found["events"]) == 1
    assert [each["id"] for each in found["clips"]] == [clip["id"]]
    (span,) = found["continuous"]  # four files without a gap
    assert span["end_unix_ns"] - span["begin_unix_ns"] == pytest.approx(34.9 * NS, abs=NS)
    assert (found["day"], found["begin_unix_ns"]) == (day, begin_of_day(day))
    for wrong in ("30.11.2026", "0001-01-01", "9999-12-31", "2026-02-30", "today"):
        answer = web.ask(f"{API}/cameras/gate/timeline?day={wrong}")
        assert (answer.status, "expected one such as" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(("hours", "parts"), [(23, 23), (24.5, 25), (25, 25)])
def test_a_day_of_any_clock_is_told_by_its_ends(web: WebLine, hours: float, parts: int) -> None:
    """Clocks that are set, by half an hour on Lord Howe, make days shorter and longer."""
    (clip,) = listed(web, "kind=clip")
    (event,) = web.ask(f"{API}/events?camera=gate").json()["events"]
    begin_ns = event["captured_unix_ns"] - round((hours - 0.1) * 3600) * NS
    ends = [begin_ns // NS, begin_ns // NS + hours * 3600]
    found = web.ask(f"{API}/cameras/gate/timeline?from={ends[0]}&to={ends[1]}").json()
    assert [found["begin_unix_ns"], found["end_unix_ns"]] == [end * NS for end in ends]
    assert found["events"] == [0] * (parts - 1) + [1]
    assert [each["id"] for each in found["clips"]] == [clip["id"]]


@pytest.mark.parametrize(
    "query",
    ["from=1796083200", "to=1796083200", "day=2026-12-01&from=1796083200&to=1796169600",
     "from=1796083200&to=1796256001", "from=1796083200&to=1796083200", "from=today&to=1796083200"],
)  # fmt: skip
def test_half_a_day_and_too_much_of_one_are_refused(web: WebLine, query: str) -> None:
    answer = web.ask(f"{API}/cameras/gate/timeline?{query}")
    assert (answer.status, "expected" in answer.json()["detail"]) == (400, True)


def test_a_film_that_was_deleted_by_hand_is_gone_and_no_defect(web: WebLine, folder: Path) -> None:
    newest = listed(web, "kind=continuous")[0]
    path = folder / "record" / newest["id"].replace("~", "/")
    path.rename(folder / "aside")
    answer = web.ask(newest["file"])
    (folder / "aside").rename(path)
    assert (answer.status, answer.json()["detail"]) == (404, "it is gone")
    assert web.ask(newest["file"]).status == 200
    assert "Traceback" not in web.line.stderr


@pytest.mark.parametrize(
    "name", ["..~..~etc~passwd", "gate~none.mp4", "index.sqlite", "%2e%2e%2fx"]
)
def test_nothing_but_recordings_is_served(web: WebLine, name: str) -> None:
    assert web.ask(f"/recordings/{name}").status == 404
    assert web.ask(f"{API}/recordings/{name}", "DELETE").status == 404


def test_what_is_protected_says_so_until_it_is_not(web: WebLine) -> None:
    (clip,) = listed(web, "kind=clip")
    path = f"{API}/recordings/{clip['id']}/protection"
    assert web.ask(path, "PUT").json()["protected"]
    assert [each["protected"] for each in listed(web, "kind=clip")] == [True]
    assert not web.ask(path, "DELETE").json()["protected"]
    assert [each["protected"] for each in listed(web, "kind=clip")] == [False]


def test_a_clip_can_be_asked_for(web: WebLine) -> None:
    answer = web.ask(f"{API}/cameras/gate/clips?seconds=3", "POST")
    assert (answer.status, answer.json()["seconds"]) == (202, 3.0)
    assert web.ask(f"{API}/cameras/gate/clips?seconds=-1", "POST").status == 400
    assert web.ask(f"{API}/cameras/nowhere/clips", "POST").status == 404


_PLAY = """
new Promise((done, failed) => {
  const video = document.createElement('video');
  video.muted = true;
  video.src = %s;
  video.onerror = () => failed(video.error.message);
  video.onloadedmetadata = () => { video.currentTime = 3.05; };
  video.onseeked = () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    const grey = canvas.getContext('2d').getImageData(30, 20, 1, 1).data[0];
    done([video.duration, video.currentTime, grey]);
  };
})
"""


@pytest.mark.skipif(browser.COMMAND is None, reason="needs Chromium")
def test_a_browser_plays_a_clip_and_seeks_in_it(web: WebLine) -> None:
    (clip,) = listed(web, "kind=clip")
    with browser.Browser() as page:
        page.visit(f"http://{web.host}/")
        script = _PLAY % msgspec.json.encode(clip["file"]).decode()
        duration, at, grey = page.evaluate(script)
    assert duration == pytest.approx((clip["end_unix_ns"] - clip["begin_unix_ns"]) / NS, abs=0.3)
    assert at == pytest.approx(3.05)
    assert 20 < grey < 255


def test_a_deleted_recording_is_gone_from_the_list_and_the_disk(web: WebLine, folder: Path) -> None:
    oldest = listed(web, "kind=continuous")[-1]
    assert web.ask(f"{API}/recordings/{oldest['id']}", "DELETE").json()["id"] == oldest["id"]
    assert len(listed(web, "kind=continuous")) == 3
    assert len(list((folder / "record/gate").glob("*/*.mp4"))) == 3
    assert web.ask(oldest["file"]).status == 404
