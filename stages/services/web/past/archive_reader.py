"""The archive, asked in a thread: no picture waits for the disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from stages.services.archive.index import Index, Item
from stages.services.archive.listing import Listing
from stages.services.web.past.answers import path_of
from stages.services.web.problem import Refusal

T = TypeVar("T")


class ArchiveReader:
    """Each method raises Refusal where nothing is kept, or nothing can be read now."""

    def __init__(self, folder: str | None) -> None:
        self._folder = None if folder is None else Path(folder)

    @property
    def folder(self) -> Path:
        if self._folder is None:
            raise Refusal(404, "nothing is kept here: record.folder is not set")
        return self._folder

    async def ask(self, question: Callable[[Listing], T]) -> T:
        """What the index says."""
        listing = Listing(self.folder)
        return await self._run(lambda: question(listing))

    async def change(self, change: Callable[[Index], T]) -> T:
        """Change something in the index, and in the files."""
        folder = self.folder

        def attached() -> T:
            with closing(Index.attach(folder)) as index:
                return change(index)

        return await self._run(attached)

    async def find(self, recording: str) -> Item:
        """The file of an id; only what the index has is one."""
        item = await self.ask(lambda listing: listing.find(path_of(recording)))
        if item is None:
            raise Refusal(404, f"no recording '{recording[:100]}'")
        return item

    async def _run(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(question)
        except (FileNotFoundError, sqlite3.Error):
            raise Refusal(503, "the index of what is kept cannot be read now") from None
        except OSError as error:
            raise Refusal(503, f"the disk: {error.strerror}") from None
