"""What is said on standard error while something runs beside the test."""

import pytest

from tests.running_line import wait_until


class Told:
    """Reads on where it stopped; `text` is all that was said since it was made."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd, self.text = capfd, ""

    def wait_for(self, part: str) -> None:
        wait_until(lambda: part in self._read(), f"{part!r} is said")

    def _read(self) -> str:
        self.text += self._capfd.readouterr().err
        return self.text
