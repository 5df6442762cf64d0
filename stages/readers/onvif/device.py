"""One ONVIF device: the addresses of its streams.

A handful of requests is all that is needed, so this is a client of our own, over the standard
library. docs/sources.md tells what it was weighed against.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from pipeline.source import SourceDenied, SourceError
from stages.readers.clock_reading import ClockReading, read_answer
from stages.readers.onvif.messages import Login, find, find_all, find_text
from stages.readers.onvif.requests import Requests

SERVICE_PATH = "/onvif/device_service"
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA, _MEDIA2 = "http://www.onvif.org/ver10/media/wsdl", "http://www.onvif.org/ver20/media/wsdl"
_SCHEMA = "http://www.onvif.org/ver10/schema"
_MOST_PROFILES = 64
_DATE, _TIME = ("Year", "Month", "Day"), ("Hour", "Minute", "Second")
_LAST_YEAR = 9000  # no time of a later one can be reckoned with
_NOWHERE = ("0.0.0.0", "::", "127.0.0.1", "::1", "localhost", "")


class Profile(NamedTuple):
    """A stream; what the device does not tell is empty or 0."""

    name: str
    uri: str  # without user name and password
    codec: str
    size_wh: tuple[int, int]
    fps: float


class Device:
    """The device service at an address.

    Args:
        service: its address, http or https.
        login: of a user of the device; the password itself is never sent.
        patience_s: how long each answer may take.
    """

    def __init__(self, service: str, login: Login | None, patience_s: float) -> None:
        self._service = urlsplit(service)
        self.host = self._service.hostname or ""
        self._requests = Requests(self.host, login, patience_s)

    def streams(self) -> Iterator[Profile]:
        """Its profiles with a stream, in its order.

        Raises:
            SourceDenied: it refuses the user name or password, or asks for one.
            SourceError: it cannot be reached, or what it says cannot be used.
        """
        self._learn_clock()
        space, media = self._find_media()
        answer = self._requests.ask(media, _ask_for_profiles(space))
        for profile in find_all(answer, "Profiles")[:_MOST_PROFILES]:
            token = profile.get("token", "")
            encoder = find(profile, "VideoEncoderConfiguration")
            if encoder is None:
                encoder = find(profile, "Configurations", "VideoEncoder")
            if token and encoder is not None:
                told = self._requests.ask(media, _ask_for_stream(space, token))
                uris = find_all(told, "Uri")
                uri = _usable(uris[0].text or "" if uris else "", self.host)
                yield _describe(profile, encoder, uri)

    def clock(self) -> ClockReading | None:
        """What it says the time is; None if it says none that is one.

        Anybody may ask for it, since who signs requests must know it.

        Raises:
            SourceDenied: it tells that to users alone.
            SourceError: it cannot be reached, or is no ONVIF device.
        """
        told = self._requests.tell(self._service, _ASK_FOR_CLOCK, signed=False)
        moment = find(told.content, "SystemDateAndTime", "UTCDateTime")
        if moment is None:
            return None
        try:
            year, month, day = (int(find_text(moment, "Date", name)) for name in _DATE)
            if year > _LAST_YEAR:
                return None
            hour, minute, second = (int(find_text(moment, "Time", name)) for name in _TIME)
            told_s = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
        except (ValueError, OverflowError):
            return None
        return read_answer("ONVIF", told_s, told.asked_s, told.answered_s)

    def _learn_clock(self) -> None:
        with contextlib.suppress(SourceDenied):
            if (reading := self.clock()) is not None:
                self._requests.ahead = timedelta(seconds=reading.ahead_s)

    def _find_media(self) -> tuple[str, SplitResult]:
        """The name space and address of the service that tells of streams; the older one, if both.

        An address may have a host that is known elsewhere only: the path is what counts.
        """
        try:
            answer = self._requests.ask(self._service, _ASK_FOR_SERVICES)
            services = {
                find_text(each, "Namespace"): find_text(each, "XAddr")
                for each in find_all(answer, "Service")
            }
        except SourceDenied:
            raise
        except SourceError:  # older than GetServices
            answer = self._requests.ask(self._service, _ASK_FOR_CAPABILITIES)
            services = {_MEDIA: find_text(answer, "Capabilities", "Media", "XAddr")}
        for space in (_MEDIA, _MEDIA2):
            path = _path_of(services.get(space, ""))
            if path is not None:
                return space, self._service._replace(path=path[0], query=path[1])
        raise SourceError(f"{self.host}: expected a service for media, got none")


_ASK_FOR_CLOCK = f'<d:GetSystemDateAndTime xmlns:d="{_DEVICE}"/>'
_ASK_FOR_SERVICES = (
    f'<d:GetServices xmlns:d="{_DEVICE}"><d:IncludeCapability>false</d:IncludeCapability>'
    "</d:GetServices>"
)
_ASK_FOR_CAPABILITIES = (
    f'<d:GetCapabilities xmlns:d="{_DEVICE}"><d:Category>Media</d:Category></d:GetCapabilities>'
)


def service_at(host: str) -> str:
    """The address of the device service of `HOST` or `HOST:PORT`, where all devices have it."""
    return host if "://" in host else f"http://{host}{SERVICE_PATH}"


def _ask_for_profiles(space: str) -> str:
    # Media2 tells of the encoder where it is asked to.
    what = "" if space == _MEDIA else "<m:Type>VideoEncoder</m:Type>"
    return f'<m:GetProfiles xmlns:m="{space}">{what}</m:GetProfiles>'


def _ask_for_stream(space: str, token: str) -> str:
    what = "<m:Protocol>RTSP</m:Protocol>"
    if space == _MEDIA:
        what = (
            f'<m:StreamSetup xmlns:t="{_SCHEMA}"><t:Stream>RTP-Unicast</t:Stream>'
            "<t:Transport><t:Protocol>RTSP</t:Protocol></t:Transport></m:StreamSetup>"
        )
    return (
        f'<m:GetStreamUri xmlns:m="{space}">{what}'
        f"<m:ProfileToken>{escape(token)}</m:ProfileToken></m:GetStreamUri>"
    )


def _path_of(address: str) -> tuple[str, str] | None:
    """Path and query of an address of HTTP."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return (parts.path or "/", parts.query) if parts.scheme in ("http", "https") else None


def _describe(profile: Element, encoder: Element, uri: str) -> Profile:
    return Profile(
        name=find_text(profile, "Name"),
        uri=uri,
        codec=find_text(encoder, "Encoding"),
        size_wh=(
            round(_number(find_text(encoder, "Resolution", "Width"))),
            round(_number(find_text(encoder, "Resolution", "Height"))),
        ),
        fps=_number(find_text(encoder, "RateControl", "FrameRateLimit")),
    )


def _number(text: str) -> float:
    """0 for what is none."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < 1e6 else 0.0


def _usable(uri: str, host: str) -> str:
    """The address of a stream, at the host where the device is if it names none of a network.

    Raises:
        SourceError: it is no address of RTSP.
    """
    uri = uri.strip()
    try:
        parts = urlsplit(uri)
        named, port = parts.hostname or "", parts.port
    except ValueError:
        parts, named, port = SplitResult("", "", "", "", ""), "", None
    if parts.scheme not in ("rtsp", "rtsps") or not uri.isprintable() or " " in uri:
        raise SourceError(f"{host}: expected a stream of RTSP, got {uri[:100]!r}")
    named = host if named in _NOWHERE else named
    bracketed = f"[{named}]" if ":" in named else named
    where = bracketed if port is None else f"{bracketed}:{port}"
    return parts._replace(netloc=where).geturl()  # some put a password in here
