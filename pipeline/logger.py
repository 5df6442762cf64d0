"""`logger`, which every module of the line says things to: the standard library's, with braces.

Texts have the places of `str.format`, which is called only for lines that somebody takes:

    logger.warning("{}: no frame for {:g} s", name, silence_s)

It stands alone, outside the tree of `logging`: what other packages say is not among its lines, and
the line's are in nobody's handlers. `pipeline.log` adds the handler that writes them.
"""

import logging
from typing import Any


class _Record(logging.LogRecord):
    """Its text is made with `str.format`."""

    def getMessage(self) -> str:
        return self.msg.format(*self.args) if self.args else self.msg


class Logger(logging.Logger):
    """Hands each line to the handlers of its level."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.addHandler(logging.NullHandler())  # without any, warnings would go to standard error

    def makeRecord(  # type: ignore[override]
        self, name: str, level: int, file: str, line: int, text: str, values: tuple[Any, ...],
        exception: Any, function: str | None = None, extra: None = None, stack: str | None = None,
    ) -> logging.LogRecord:  # fmt: skip
        record = _Record(name, level, file, line, text, (), exception, function, stack)
        record.args = values  # the record itself takes a single mapping apart
        return record


logger = Logger("thunderline")
