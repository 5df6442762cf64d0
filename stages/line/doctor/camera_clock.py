"""The clock of a camera, by all that tells it, beside that of this machine."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

from pipeline.source import SourceError
from stages.line.doctor.clock import OwnClock
from stages.line.doctor.finding import Finding, Level
from stages.readers.clock_reading import ClockReading
from stages.readers.http.date import ask_date
from stages.readers.network import is_rtsp
from stages.readers.onvif.device import SERVICE_PATH, Device
from stages.readers.rtsp.address import parse_address

_RIGHT_S = 1.0  # a camera that asks a time server now and then is nearer
_DAY_S = 86_400.0
_NEVER_SET_S = 180 * _DAY_S
_NEAREST_ZONE_S, _WIDEST_ZONE_S = 1800.0, 14 * 3600.0  # summer time on Lord Howe, and Kiribati
_ZONE_STEP_S, _NEAR_ZONE_S = 900.0, 20.0
_NTP_WRAP_S = 2_085_978_496  # 2036-02-07 06:28:16, where the seconds of NTP begin anew
_UNITS = (("d", _DAY_S), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def ask_clock(location: str, patience_s: float) -> ClockReading | None:
    """What the host of a stream says the time is, by ONVIF or else by HTTP; None if by neither.

    It is asked without user name and password. That of an RTSP stream is asked at the usual port
    of HTTP: the address tells of no other.

    Args:
        location: the address of the stream.
        patience_s: how long each of both answers may take.
    """
    page = _front_page(location)
    if page is None:
        return None
    return _ask_onvif(page, patience_s) or ask_date(page, patience_s)


def _front_page(location: str) -> SplitResult | None:
    """None for what is no address of a camera, such as one that is listened at."""
    try:
        if is_rtsp(location):
            host = parse_address(location).host
            return urlsplit(f"http://[{host}]/" if ":" in host else f"http://{host}/")
        parts = urlsplit(location)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            return None
        return SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], "/", "", "")
    except (SourceError, ValueError):
        return None


def _ask_onvif(page: SplitResult, patience_s: float) -> ClockReading | None:
    try:
        return Device(page._replace(path=SERVICE_PATH).geturl(), None, patience_s).clock()
    except SourceError:  # most of what has a web server is no ONVIF device
        return None


def describe_clock(name: str, readings: Sequence[ClockReading], own: OwnClock) -> Finding:
    """The clock of a camera, by all that tells it.

    Args:
        name: of the camera.
        readings: the most exact one first.
        own: the clock that they are compared with.
    """
    told = [reading for reading in readings if not _counts_from_start(reading)]
    if not told:
        nothing = "its reports count from when it was switched on" if readings else "it tells none"
        return Finding(name, f"clock: {nothing}")
    wrong = [reading for reading in told if abs(reading.ahead_s) > reading.within_s + _RIGHT_S]
    judged = (wrong or told)[0]
    measured = {"clock_ahead_s": round(judged.ahead_s, 2) + 0.0}
    measured |= {f"clock_ahead_{r.by.lower()}_s": round(r.ahead_s, 2) + 0.0 for r in told}
    by = ", ".join(f"{reading.by} {_signed(reading)}" for reading in told)
    if not wrong:
        return Finding(name, f"clock right ({by})", measured=measured)
    return Finding(name, f"clock {_how_far(judged.ahead_s)} ({by})", Level.NOTE,
                   _advice(judged.ahead_s, own), measured)  # fmt: skip


def _counts_from_start(reading: ClockReading) -> bool:
    """Some cameras report the seconds since they were switched on as if they were those of NTP."""
    told_s = time.time() + reading.ahead_s
    is_young = _NTP_WRAP_S <= told_s < _NTP_WRAP_S + 365 * _DAY_S
    return reading.by == "RTCP" and is_young and reading.ahead_s > _DAY_S


def _signed(reading: ClockReading) -> str:
    digits = 2 if reading.within_s < 0.5 else 0  # those that are known
    return f"{round(reading.ahead_s, digits) + 0.0:+.{digits}f} s"  # + 0.0: there is no -0


def _how_far(ahead_s: float) -> str:
    where = "ahead" if ahead_s > 0 else "behind"
    if abs(ahead_s) > _NEVER_SET_S:
        told = datetime.fromtimestamp(time.time() + ahead_s, UTC)
        return f"at {told:%Y-%m-%d %H:%M}, {abs(ahead_s) / _DAY_S:.0f} d {where}"
    return f"{_span(abs(ahead_s))} {where}"


def _span(seconds: float) -> str:
    """The two largest units: 3 min 20 s."""
    rest = float(round(seconds))
    if rest < 60:
        return f"{seconds:.1f} s"
    parts = list[str]()
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count:.0f} {unit}")
    return " ".join(parts[:2])


def _advice(ahead_s: float, own: OwnClock) -> str:
    if abs(ahead_s) > _NEVER_SET_S:
        said = "it was never set: give it a time server (NTP)"
    elif _is_zone(ahead_s):
        said = "local time may pass for UTC: set its time zone, and a time server (NTP)"
    else:
        said = "give it a time server (NTP)"
    said += "; messages bear the time of this machine, not the camera's"
    if not own.synchronized:
        said += "; the clock of this machine may be the wrong one"
    return said


def _is_zone(ahead_s: float) -> bool:
    """Whether local time may have been told as UTC, or the other way round."""
    beside_s = abs(ahead_s - round(ahead_s / _ZONE_STEP_S) * _ZONE_STEP_S)
    is_as_far = _NEAREST_ZONE_S - _NEAR_ZONE_S < abs(ahead_s) < _WIDEST_ZONE_S + _NEAR_ZONE_S
    return is_as_far and beside_s < _NEAR_ZONE_S
