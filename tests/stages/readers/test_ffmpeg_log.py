import subprocess
import sys
from pathlib import Path

import pytest

from stages.readers.ffmpeg_log import LogLines, parse


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("[OPENCV:FFMPEG:16] Connection to tcp://10.0.0.9:554?timeout=0 failed: Connection refused",
         "Connection refused"),
        ("[OPENCV:FFMPEG:16] method DESCRIBE failed: 401 Unauthorized", "401 Unauthorized"),
        ("[OPENCV:FFMPEG:24] HTTP error 404 Not Found", "404 Not Found"),
        ("[OPENCV:FFMPEG:16] Failed to resolve hostname cam: Name or service not known",
         "Failed to resolve hostname cam: Name or service not known"),
        ("[OPENCV:FFMPEG:32] Input #0, rtsp, from somewhere", ""),  # no error
        ("a line of another program", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_last_error_is_the_reason(line: str, error: str) -> None:
    assert parse(f"[OPENCV:FFMPEG:16] an earlier one\n{line}\n").error == (
        error or "an earlier one"
    )
    assert parse(line).error == error


def test_the_last_size_counts() -> None:
    line = "[OPENCV:FFMPEG:40] Reinit context to {}, pix_fmt: yuv420p\n"
    assert parse(line.format("320x240") + line.format("1920x1088")).coded_wh == (1920, 1088)
    assert parse("[OPENCV:FFMPEG:40] nothing of the kind").coded_wh is None


def test_a_process_takes_its_own_ffmpeg_log_and_prints_none_of_it(repository: Path) -> None:
    code = (
        "import cv2, sys; from stages.readers.ffmpeg_log import FfmpegLog; log = FfmpegLog();"
        "cv2.VideoCapture('http://127.0.0.1:9/none', cv2.CAP_FFMPEG);"
        "sys.stderr.write(log.take().error + '|' + str(log.take()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == f"Connection refused|{LogLines()}"
    assert done.stdout == ""
