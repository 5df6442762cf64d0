"""FFmpeg's libraries as they are used here: quiet, with one core, and with errors that are ours."""

from typing import Any, Protocol

import av
import av.error

from pipeline.redact import redact
from pipeline.source import SourceDenied, SourceError, SourceStalled

# Its lines may quote an address with the password.
av.logging.set_level(None)

_DENIED = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_LATE = (av.error.ExitError, av.error.TimeoutError)  # stopped by its interrupt callback, or its own

COPY_OPAQUE = 1 << 7  # AV_CODEC_FLAG: a frame has the `opaque` of the packet that it comes of
OUTPUT_CORRUPT = 1 << 3  # AV_CODEC_FLAG: frames that are not whole come out, marked as such


class BinarySource(Protocol):
    """Bytes that libavformat may read instead of opening an address itself."""

    def read(self, size: int = -1, /) -> bytes: ...


def open_container(
    uri: str | BinarySource,
    *,
    options: dict[str, str],
    silence_s: float | None,
    what: str,
    name: str,
    form: str | None = None,
) -> Any:
    """The opened container of a file or stream; `name` and `what` are the words for it in errors.

    `form` is what libavformat calls the format; None has it find out.
    `silence_s` bounds each step of opening, and each read; None waits without end.

    Raises:
        SourceDenied, SourceStalled, SourceError
    """
    timeout = None if silence_s is None else (silence_s, silence_s)
    address = redact(name)
    try:
        return av.open(uri, format=form, container_options=options, timeout=timeout)
    except _DENIED as error:
        raise SourceDenied(f"{address}: user name or password refused ({_reason(error)})") from None
    except _LATE:
        reason = f"no answer within {silence_s:g} s"
    except av.error.FFmpegError as error:
        reason = _reason(error)
    except (ValueError, OSError) as error:  # of a name that no system call takes
        reason = str(error)
    raise SourceError(f"{address}: this {what} cannot be opened as video: {redact(reason)}")


def read_failure(uri: str, error: av.error.FFmpegError, silence_s: float) -> SourceError:
    """Why a stream that was there gives no more."""
    if isinstance(error, _LATE):
        return SourceStalled(f"{redact(uri)}: sent nothing for {silence_s:g} s")
    return SourceError(f"{redact(uri)}: the stream ended: {_reason(error)}")


def _reason(error: av.error.FFmpegError) -> str:
    """Its text without the address, which `str(error)` quotes."""
    text = error.strerror or type(error).__name__
    return text.removeprefix("Server returned ").partition(" (")[0]
