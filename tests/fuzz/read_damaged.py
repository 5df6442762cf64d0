"""Reads damaged copies of a file, in a process that may die of it.

    python -m tests.fuzz.read_damaged model FILE FIRST LAST
    python -m tests.fuzz.read_damaged video FILE FIRST LAST

For each seed from FIRST to before LAST it prints `SEED RESULT`, where the result is `read` or
`refused`; anything else that happens ends the process. Memory and time are limited.
"""

import resource
import signal
import sys
from pathlib import Path

import numpy as np

from pipeline.source import EndOfSource, SourceError
from stages.kernels.picture import Picture
from stages.model.detector import Detector
from stages.model.model_file import ModelFileError
from stages.readers.file import FileReader
from stages.readers.reader import FormatChanged
from tests.fuzz.damage import damage

MOST_MEMORY = 3 << 30  # of addresses, libraries included
PATIENCE_S = 60  # for one file; a hang is for ever
MOST_FRAMES = 10_000  # no damage makes a video of some frames go on for ever


def load_model(path: Path) -> str:
    try:
        Detector(path)
    except ModelFileError:
        return "refused"
    return "read"


def read_video(path: Path) -> str:
    """As a capture process does."""
    reader = FileReader(f"file:{path}", name=str(path))
    frames = 0
    try:
        form = reader.open(0)
        while frames < MOST_FRAMES:
            picture = Picture(form, np.zeros(form.nbytes, np.uint8))
            try:
                while frames < MOST_FRAMES:
                    reader.read(picture)
                    frames += 1
            except FormatChanged as change:
                form = change.form
        sys.exit(f"{path}: more than {MOST_FRAMES} frames")
    except EndOfSource:
        return "read"
    except SourceError:
        return "refused"
    finally:
        reader.close()


def main(kind: str, file: str, first: str, last: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    read = {"model": load_model, "video": read_video}[kind]
    original = Path(file)
    data = original.read_bytes()
    copy = original.with_stem(f"{original.stem}-damaged")
    for seed in range(int(first), int(last)):
        copy.write_bytes(damage(data, seed))
        signal.alarm(PATIENCE_S)
        result = read(copy)
        sys.stdout.write(f"{seed} {result}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
