"""Errors that a person can act on: printed as one line, never with a traceback."""


class LineError(Exception):
    """Something outside the code is wrong. The message says where, what was expected, and got."""


class FrameError(LineError):
    """One frame could not be processed; the line reports it as an error and goes on."""


class LineChanging(LineError):
    """The line cannot take another change yet; it can in a moment."""
