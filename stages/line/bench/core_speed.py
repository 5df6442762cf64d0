"""How fast one core decodes, and runs each network.

    python -m stages.line.bench.core_speed PARENT_PID CORE CLIP SECONDS MODEL...

Run by the bench, see child.py.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import closing

import msgspec
import numpy as np

from pipeline.errors import LineError
from pipeline.realtime import die_with_parent, pin_to_core
from pipeline.source import EndOfSource
from stages.kernels.picture import Picture
from stages.model.detector import InferenceError
from stages.model.model_file import ModelFileError
from stages.model.model_timing import time_in_turns
from stages.readers.file import FileReader

EXIT_OK, EXIT_REFUSED = 0, 2
_NS_PER_MS = 1_000_000


class CoreSpeed(msgspec.Struct, frozen=True):
    """Times of one core."""

    decode_ms: float  # of processor time, mean of all frames of the clip
    network_ms: dict[str, float]  # by the path of the model: median of one inference
    share: float  # of the core's time that this process had; less than 1 where others want it, too


def measure_core(clip: str, models: Sequence[str], seconds: float) -> CoreSpeed:
    """On the core that this process runs on; takes about `seconds` where the core is not slow."""
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    decode_ms = time_decoding(clip, seconds / 4)
    network_ms = time_in_turns(models, threads=1, enough_s=seconds * 3 / 4)
    share = (time.process_time() - began_cpu_s) / (time.monotonic() - began_s)
    return CoreSpeed(decode_ms, network_ms, min(share, 1.0))


def time_decoding(clip: str, seconds: float) -> float:
    """Milliseconds of processor time a frame, as capture reads it, over whole rounds."""
    frames, began_s, began_ns = 0, time.monotonic(), time.thread_time_ns()
    while frames == 0 or time.monotonic() < began_s + seconds:
        frames += _read_through(clip)
    return (time.thread_time_ns() - began_ns) / frames / _NS_PER_MS


def _read_through(clip: str) -> int:
    """The number of frames that were read; each costs another time, so it is all of them."""
    frames = 0
    with closing(FileReader(f"file:{clip}", name=clip)) as reader:
        form = reader.open(0)
        picture = Picture(form, np.empty(form.nbytes, np.uint8))
        try:
            while True:
                reader.read(picture)
                frames += 1
        except EndOfSource:
            return frames


def main() -> int:
    parent, core, clip, seconds, *models = sys.argv[1:]
    die_with_parent(int(parent))
    try:
        pin_to_core(int(core))
        found = measure_core(clip, models, float(seconds))
    except (LineError, ModelFileError, InferenceError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
