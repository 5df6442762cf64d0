"""The zones and lines of each source on its first frame, as images."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from stages.line.line import Line
from stages.options import regions_of
from stages.recording.outputs import check_outputs


def draw_zones(line: Line, template: str) -> Iterator[Path]:
    """Draw them, source by source; yields the files.

    Args:
        template: path of a PNG or JPEG file, with {camera} where there are several sources.

    Raises:
        LineError: a file cannot be written, or is another one; a source gives no frame.
    """
    from stages.capture import CaptureOptions, grab  # OpenCV and PyAV, which no run needs here
    from stages.kernels.drawing.sketch import draw_sketch
    from stages.recording.sketches import find_sketches, write_sketch

    sketches = find_sketches(template, line.config.camera_names)
    check_outputs((*line.outputs, *sketches), line.inputs())
    captures = [process for process in line.processes if process.is_source]
    for source, process, sketch in zip(line.config.sources, captures, sketches, strict=True):
        canvas = grab(msgspec.convert(process.options, CaptureOptions))
        draw_sketch(canvas, regions_of(source))
        write_sketch(sketch.path, canvas)
        yield sketch.path
