"""The last films of a line, which its recorder had no time to finish."""

from pathlib import Path

_PATIENCE_S = 10.0  # the next start finishes those that take longer


def finish_last_films(folder: Path) -> None:
    """Finish them in this process, when all others of the line have ended."""
    from stages.services.recorder.resume import finish_films  # PyAV, which nothing else here needs

    finish_films(folder, _PATIENCE_S)
