"""What is said on standard error while something runs beside the test."""

import io
import sys

import pytest

from tests.running_line import wait_until


class Told(io.StringIO):
    """Takes the place of standard error within the test. pytest's own captures empty themselves as
    they are read, so that what a thread says in that moment is lost.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        monkeypatch.setattr(sys, "stderr", self)

    @property
    def text(self) -> str:
        return self.getvalue()

    def wait_for(self, part: str) -> None:
        wait_until(lambda: part in self.text, f"{part!r} is said")
