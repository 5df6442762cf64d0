"""The clock of a web server, which most of them tell with each answer."""

from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult

from pipeline.source import SourceError
from stages.readers.clock_reading import ClockReading, read_answer
from stages.readers.http.exchange import exchange


def ask_date(page: SplitResult, patience_s: float) -> ClockReading | None:
    """By the header `Date` (RFC 9110, section 6.6.1) of whatever it answers; None without one.

    An answer out of a cache, which has an age, tells the time of long ago.

    Args:
        page: http or https. No user name and password are given: a refusal has a date, too.
        patience_s: how long the answer may take.
    """
    try:
        answer = exchange(page, "HEAD", patience_s)
        if answer.headers.get("Age", "0").strip() != "0":
            return None
        moment = parsedate_to_datetime(answer.headers.get("Date", ""))
        told = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return read_answer("HTTP", told.timestamp(), answer.asked_s, answer.answered_s)
    except (SourceError, ValueError, OverflowError, TypeError):  # no date, or one of no time
        return None
