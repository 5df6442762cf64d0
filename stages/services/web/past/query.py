"""What somebody asks of the past, as the query of an address."""

import math
import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from starlette.datastructures import QueryParams

from stages.services.archive.layout import NS, begin_of_day, day_of, iso_utc
from stages.services.archive.listing import MOST, Cursor, Query
from stages.services.web.openapi import Parameter
from stages.services.web.problem import Refusal

_TIME = {"type": "string"}
USUAL = 100
MOST_SECONDS = 600.0
FROM = Parameter("from", "query", _TIME, "ISO 8601 with an offset, or UNIX seconds; of that on")
TO = Parameter("to", "query", _TIME, "the same; before that")
CAMERA = Parameter("camera", "query", {"type": "string"}, "of one camera")
LIMIT = Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MOST},
                  f"rows at most; {USUAL} by default")  # fmt: skip
CURSOR = Parameter("cursor", "query", {"type": "string"}, "`next` of the page before")
PAGE = (FROM, TO, CAMERA, LIMIT, CURSOR)
_HOUR_NS = 3600 * NS
_MOST_HOURS = 48  # of a timeline: a day in which clocks are set back has 25
_LIMIT = re.compile(r"[0-9]{1,9}")
_LAST_S = 4_102_444_800  # 2100
_YEARS = range(1970, 2101)


class Stretch(NamedTuple):
    """A time in UNIX ns; its end does not belong to it."""

    begin_ns: int
    end_ns: int


def kind_parameter(kinds: Sequence[str]) -> Parameter:
    return Parameter("kind", "query", {"type": "string", "enum": list(kinds)}, "of one kind")


def read_query(asked: QueryParams, kinds: Sequence[str]) -> Query:
    """Raises Refusal. A camera need not be one of this run: what is kept is older."""
    kind, cursor = asked.get("kind"), asked.get("cursor")
    if kind is not None and kind not in kinds:
        raise Refusal(400, f"kind: expected one of {', '.join(kinds)}, got '{kind[:40]}'")
    from_ns, to_ns = _read_ends(asked)
    return Query(
        from_ns=from_ns,
        to_ns=to_ns,
        camera=asked.get("camera"),
        kind=kind,
        limit=_read_limit(asked.get("limit")),
        cursor=None if cursor is None else _read_cursor(cursor),
    )


def read_time(asked: QueryParams, name: str) -> int | None:
    """UNIX time in ns. Raises Refusal."""
    text = asked.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
        if math.isfinite(seconds) and 0 <= seconds <= _LAST_S:
            return round(seconds * NS)
    except ValueError:
        at = _read_iso(text)
        if at is not None:
            return (int(at.timestamp()) * 1_000_000 + at.microsecond) * 1000
    raise Refusal(
        400,
        f"{name}: expected a time such as 2026-11-30T12:00:00+01:00, with its offset, or UNIX "
        f"seconds, got '{text[:40]}'",
    )


def read_stretch(asked: QueryParams) -> Stretch:
    """The day that is asked for: of UTC, or, by its two ends, of any clock. Raises Refusal."""
    ends = _read_ends(asked)
    if ends == (None, None):
        begin_ns = begin_of_day(_read_day(asked))
        return Stretch(begin_ns, begin_ns + 24 * _HOUR_NS)
    from_ns, to_ns = ends
    if from_ns is None or to_ns is None or "day" in asked:
        raise Refusal(400, "expected `day`, or both `from` and `to`")
    if to_ns - from_ns > _MOST_HOURS * _HOUR_NS:
        raise Refusal(400, f"to: expected at most {_MOST_HOURS} hours after {iso_utc(from_ns)}")
    return Stretch(from_ns, to_ns)


def _read_ends(asked: QueryParams) -> tuple[int | None, int | None]:
    """`from` and `to`, as UNIX time in ns. Raises Refusal."""
    from_ns, to_ns = read_time(asked, "from"), read_time(asked, "to")
    if from_ns is not None and to_ns is not None and from_ns >= to_ns:
        raise Refusal(400, f"to: expected a time after {iso_utc(from_ns)}, got {iso_utc(to_ns)}")
    return from_ns, to_ns


def _read_day(asked: QueryParams) -> str:
    """YYYY-MM-DD of UTC; today by default. Raises Refusal."""
    text = asked.get("day")
    if text is None:
        return day_of(time.time_ns())
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise Refusal(400, f"day: expected one such as 2026-11-30, got '{text[:40]}'")
    return day.isoformat()


def read_seconds(asked: QueryParams) -> float:
    """How long a clip shall be. Raises Refusal."""
    text = asked.get("seconds", "10")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MOST_SECONDS:
        raise Refusal(400, f"seconds: expected 0 to {MOST_SECONDS:g}, got '{text[:20]}'")
    return seconds


def _read_iso(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and at.year in _YEARS else None


def _read_limit(text: str | None) -> int:
    if text is None:
        return USUAL
    if _LIMIT.fullmatch(text) and 1 <= int(text) <= MOST:
        return int(text)
    raise Refusal(400, f"limit: expected 1 to {MOST}, got '{text[:20]}'")


def _read_cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError:
        raise Refusal(400, f"cursor: expected `next` of a page, got '{text[:40]}'") from None
