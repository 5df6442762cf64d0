"""Whether films play: in FFmpeg, picture by picture, and in Chromium from begin to end."""

import subprocess
from pathlib import Path

from tests.browser import Browser

# Muted: Chromium lets no page begin a sound by itself. The end of an unfinished film is where its
# fragments end, which `ended` tells.
_PLAY = """
  new Promise((done) => {
    const video = document.querySelector('video');
    video.muted = true;
    video.playbackRate = 8;
    const tell = () => done(
      [video.error?.message ?? '', video.currentTime, video.videoWidth, video.videoHeight],
    );
    video.addEventListener('ended', tell);
    video.addEventListener('error', tell);
    if (video.error || video.ended) tell();
    video.currentTime = 0;
    video.play().catch((error) => done([String(error), 0, 0, 0]));
  })
"""


def check_with_ffmpeg(path: Path) -> None:
    """Every picture and sound must decode without a complaint."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), path


def play_in_chromium(browser: Browser, path: Path) -> tuple[float, int, int]:
    """Play a film to its end; returns its time then, in seconds, and the size of its pictures."""
    browser.visit(path.as_uri())
    browser.wait_for("document.querySelector('video') !== null", "the film is opened")
    why, end_s, width, height = browser.evaluate(_PLAY)
    assert not why, f"{path}: {why}"
    return end_s, width, height
