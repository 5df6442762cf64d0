"""Services that are easy to foresee, run in real processes by the tests."""

import asyncio
import signal
import time
from pathlib import Path
from typing import ClassVar

import msgspec

from pipeline.service import ServiceContext, ServiceError


class FileOptions(msgspec.Struct, frozen=True):
    """A file to write what the service has seen to."""

    path: str = ""


class Patient:
    """A plain service that does nothing until the line stops."""

    Options: ClassVar[type[FileOptions]] = FileOptions

    def __init__(self, options: FileOptions, context: ServiceContext) -> None:
        self._path = Path(options.path)
        self._context = context

    def run(self) -> None:
        while self._context.is_running():
            time.sleep(0.01)
        self._path.write_text(f"{self._context.name} saw the end")

    def close(self) -> None:
        """Nothing is open."""


class Counting(Patient):
    """Writes what the ledger says of the first camera."""

    def run(self) -> None:
        while self._context.is_running():
            time.sleep(0.01)
            self._path.write_text(str(self._context.ledger.cameras()[0].captured))


class Async(Patient):
    """An asyncio service that waits for something that never happens."""

    async def run(self) -> None:  # type: ignore[override]
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._path.write_text("cancelled")
            raise


class Blocked(Patient):
    """A plain service that never gives a sign of life."""

    def run(self) -> None:
        time.sleep(3600)


class BlockedLoop(Patient):
    """An asyncio service whose event loop is blocked."""

    async def run(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0.2)
        time.sleep(3600)


class Deaf(Patient):
    """Does not end when it is told to."""

    def run(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            self._context.is_running()
            time.sleep(0.01)


class Brief(Patient):
    """Returns although the line goes on."""

    def run(self) -> None:
        time.sleep(0.01)


class Broken(Patient):
    def run(self) -> None:
        raise RuntimeError("a defect")


class BrokenLoop(Patient):
    async def run(self) -> None:  # type: ignore[override]
        raise RuntimeError("a defect")


class Refusing(Patient):
    def __init__(self, options: FileOptions, context: ServiceContext) -> None:
        raise ServiceError("the broker does not answer")


class Growing(Patient):
    """Holds more with each turn."""

    def run(self) -> None:
        held = []
        while self._context.is_running():
            held.append(b"x" * (1 << 20))
            time.sleep(0.001)


class Taking(Patient):
    """Takes options with another path, if that is in the same folder."""

    def reconfigure(self, options: FileOptions) -> bool:
        path = Path(options.path)
        if path.parent != self._path.parent:
            return False
        self._path = path
        path.write_text("taken")
        return True
