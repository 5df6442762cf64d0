"""SIGUSR1: a clip of each camera, of what happens now."""

import threading
from pathlib import Path

from pipeline.logger import logger

_SECONDS = 10.0  # that the clips go on after the signal


def ask_for_clips(folder: str | None, at_ns: int) -> None:
    """Ask the recorder, beside this thread.

    The wish lies in the index, so it outlives a recorder that is killed just now.
    """
    if folder is None:
        logger.warning("SIGUSR1: expected record.folder, where clips are kept")
        return
    logger.info("SIGUSR1: a clip of each camera")
    threading.Thread(target=_ask, args=(Path(folder), at_ns), daemon=True).start()


def _ask(folder: Path, at_ns: int) -> None:
    import sqlite3  # which nothing else here needs

    from stages.services.archive.index import Index
    from stages.services.archive.wishes import ALL, Wish, add_wish

    try:
        index = Index.attach(folder)
        add_wish(index, Wish(ALL, at_ns, _SECONDS))
        index.close()
    except sqlite3.Error as error:
        logger.error("SIGUSR1: record.folder: {}: {}", folder, error)
