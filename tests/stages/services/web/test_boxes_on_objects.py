"""Boxes over what Chromium shows, compared with what was drawn there: in video, and in pictures.

Which frame is shown, its own pixels tell; what is where in it, the scene knows.
"""

import base64
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.client import DetectionMessage
from tests.browser import COMMAND, Browser
from tests.running_line import PATIENCE_S, REPOSITORY
from tests.stages.readers.coded_clips import FRAME_NS
from tests.stages.services.web.street_film import (
    FRAMES,
    HEIGHT,
    STEP,
    WIDTH,
    StreetFilm,
    overlap,
    small,
)
from tests.stages.services.web.web_line import WebLine

pytestmark = pytest.mark.skipif(COMMAND is None, reason="no Chromium")

MODEL = REPOSITORY / "models/zoo/thundernet-snet49-street11.onnx"
LOOKS = 5
MARGIN = 4  # frames at the ends of the film: where it begins again, everything jumps
# Levels by which drawn pixels differ, and what coding changes does not: a dark red line on a grey
# road differs by 90 in red alone, and of colours JPEG keeps every other pixel.
DRAWN = 40
LATER = 8  # frames, after which nearly nothing is where it was
STAGE = "document.querySelector('.picture')"

# In the turn in which a picture of the video is shown, after the page has drawn over it: the
# picture, and the boxes around all pixels of each colour of the canvas, in shares.
LOOK_AT_VIDEO = """new Promise((resolve) => {
  const stage = document.querySelector('.picture');
  const video = stage.querySelector('video');
  const pixels = (image, width, height) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(image, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  };
  video.requestVideoFrameCallback(() => {
    const picture = pixels(video, video.videoWidth, video.videoHeight);
    const marks = stage.querySelector('.marks');
    const { data, width, height } = pixels(marks, marks.width, marks.height);
    const [boxes, counts] = [{}, {}];
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 255) continue;
      const colour = `${data[i]},${data[i + 1]},${data[i + 2]}`;
      const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
      counts[colour] = (counts[colour] ?? 0) + 1;
      const box = (boxes[colour] ??= [x, y, x, y]);
      const [left, top, right, bottom] = box;
      boxes[colour] = [
        Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y),
      ];
    }
    for (const colour of Object.keys(boxes)) {
      if (counts[colour] < 60) delete boxes[colour]; // where strokes cross, colours mix
      else boxes[colour] = boxes[colour].map((side, i) => side / (i % 2 ? height : width));
    }
    const rgba = new Uint8Array(picture.data.buffer);
    let text = '';
    for (let i = 0; i < rgba.length; i += 4) text += String.fromCharCode(rgba[i + 1]);
    const size = [video.videoWidth, video.videoHeight];
    resolve({ green: btoa(text), size, boxes: Object.values(boxes) });
  });
})"""
LOOK_AT_MJPEG = """(() => {
  const image = document.querySelector('img.film');
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  canvas.getContext('2d').drawImage(image, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1];
})()"""


@pytest.fixture(scope="module")
def film(folder: Path) -> StreetFilm:
    return StreetFilm(folder)


@pytest.fixture(scope="module")
def web(folder: Path, film: StreetFilm) -> Iterator[WebLine]:
    settings = ("track.enabled=true", "postprocess.score_thresh=0.3")
    with WebLine(folder / "line", [film.source("street")], *settings, model=MODEL) as web:
        web.wait_for_results("street")
        yield web


@pytest.fixture(scope="module")
def page(web: WebLine, browser: Browser) -> Browser:
    browser.resize(1280, 900)
    browser.visit(f"http://{web.host}/")
    browser.wait_for(f"{STAGE}.classList.contains('film')", "the video plays")
    browser.evaluate(
        "for (const id of ['labels', 'trails', 'zones']) document.getElementById(id).click()"
    )
    return browser


def looks(seen: set[int]) -> Iterator[None]:
    """Until enough was seen: a quick machine looks often, and a starved one shows little."""
    deadline = time.monotonic() + PATIENCE_S
    for number in itertools.count():
        if len(seen) >= LOOKS or (number >= 20 * LOOKS and time.monotonic() > deadline):
            return
        yield


def count_hits(boxes: list[Any], truth: list[Any]) -> int:
    return sum(any(overlap(box, other) > 0.5 for other in truth) for box in boxes)


def test_boxes_over_a_video_lie_on_what_its_pixels_show(film: StreetFilm, page: Browser) -> None:
    seen = set[int]()
    boxes = hits = later = 0
    green = [film.frame(i)[:, :, 1] for i in range(FRAMES)]
    page.wait_for(f"{STAGE}.dataset.frame", "a result")
    for _ in looks(seen):
        looked = page.evaluate(LOOK_AT_VIDEO)
        assert looked["size"] == [WIDTH, HEIGHT]
        shown = np.frombuffer(base64.b64decode(looked["green"]), np.uint8).reshape(HEIGHT, WIDTH)
        distances = [np.abs(shown[::4, ::4].astype(int) - each[::4, ::4]).mean() for each in green]
        index = int(np.argmin(distances))
        if index in seen or not MARGIN <= index < FRAMES - LATER or not looked["boxes"]:
            continue
        seen.add(index)
        drawn = [np.multiply(box, (WIDTH, HEIGHT, WIDTH, HEIGHT)) for box in looked["boxes"]]
        boxes += len(drawn)
        hits += count_hits(drawn, film.truth(index))
        later += count_hits(drawn, film.truth(index + LATER))
    assert len(seen) == LOOKS
    assert hits >= 0.6 * boxes, "a part of the boxes is hidden by others, and not all is found"
    assert later <= 0.6 * hits, "the same boxes lie beside what comes later"


def test_boxes_in_motion_jpeg_lie_on_what_its_pixels_show(
    web: WebLine, film: StreetFilm, page: Browser
) -> None:
    """What differs from the drawn frame is what the line has drawn on it."""
    page.evaluate(
        "document.body.innerHTML = '<img class=film src=/cameras/street/live.mjpg?fps=10>'"
    )
    page.wait_for("document.querySelector('img.film').naturalWidth > 0", "a picture")
    covered, beside, on_objects = list[float](), list[float](), list[bool]()
    seen = set[int]()
    for _ in looks(seen):
        png = np.frombuffer(base64.b64decode(page.evaluate(LOOK_AT_MJPEG)), np.uint8)
        picture = cv2.imdecode(png, cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (HEIGHT, WIDTH, 3)
        index = film.find(small(picture.astype(np.uint8)))
        found = find_result(web, index)
        if index in seen or found is None or not MARGIN <= index < FRAMES - MARGIN:
            continue
        seen.add(index)
        drawn = np.abs(picture.astype(int) - film.frame(index)).max(axis=2) > DRAWN
        mask = cv2.dilate(drawn.astype(np.uint8), np.ones((3, 3), np.uint8))
        for each in found.detections:
            covered.append(share_of_outline(mask, each.box))
            beside.append(share_of_outline(mask, [side + 12 for side in each.box]))
            on_objects.append(any(overlap(each.box, box) > 0.5 for box in film.truth(index)))
    assert len(seen) == LOOKS
    assert np.median(covered) > 0.95
    assert np.median(beside) < 0.4
    assert np.mean(on_objects) > 0.6


def find_result(web: WebLine, index: int) -> DetectionMessage | None:
    """One of this frame of the film, if there is one with objects."""
    interval_ns = STEP * FRAME_NS
    return next(
        (
            message
            for message in reversed(web.line.messages())
            if round(message.pts_ns / interval_ns) % FRAMES == index and message.detections
        ),
        None,
    )


def share_of_outline(mask: np.ndarray, box: Any) -> float:
    """How much of the outline of a box is drawn."""
    outline = np.zeros(mask.shape, np.uint8)
    left, upper, right, lower = (round(side) for side in box)
    cv2.rectangle(outline, (left, upper), (right, lower), 1)
    return float(mask[outline > 0].mean()) if outline.any() else 0.0
