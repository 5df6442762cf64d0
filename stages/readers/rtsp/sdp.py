"""The description of a stream (RFC 8866, RFC 2326 appendix C), as far as its video needs it."""

import binascii
import re
from base64 import b64decode
from typing import NamedTuple

from stages.readers.rtsp.address import sendable

START_CODE = b"\0\0\0\1"
_STATIC = {26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}  # RFC 3551, table 5
_PARAMETER_SETS = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")
_RTP_CLOCK_HZ = 90_000
_HIGHEST_CLOCK_HZ = 10_000_000


class Media(NamedTuple):
    """One track: what it is, how it is coded, and the address by which it is asked for."""

    kind: str  # "video", "audio", ...
    protocol: str  # "RTP/AVP", ...
    payload_type: int
    encoding: str  # in upper case: "H264", "H265", "JPEG", ...; empty if nothing tells
    clock_hz: int
    format: dict[str, str]  # the parameters of `fmtp`
    control: str

    @property
    def parameter_sets(self) -> bytes:
        """Those of the description, in the form of Annex B; empty if there are none."""
        sets = [text for key in _PARAMETER_SETS for text in self.format.get(key, "").split(",")]
        return b"".join(START_CODE + nal for nal in map(_decode_base64, sets) if nal)


class Description(NamedTuple):
    """The tracks of a stream, and the address of the whole of it."""

    media: list[Media]
    control: str


def parse_sdp(text: str) -> Description:
    """Never fails: what cannot be understood is left out."""
    session, *sections = re.split(r"^(?=m=)", text.replace("\r", "\n"), flags=re.M)
    media = [track for track in map(_parse_media, sections) if track is not None]
    return Description(media, _attributes(session).get("control", [""])[0])


def _parse_media(section: str) -> Media | None:
    first = re.match(r"m=(\w+) +\S+ +(\S+) +(\d{1,3})\b", section)
    if first is None:
        return None
    payload_type = int(first[3])
    attributes = _attributes(section)
    encoding, clock_hz = _STATIC.get(payload_type, ""), _RTP_CLOCK_HZ
    for line in attributes.get("rtpmap", []):
        if found := re.match(rf"{payload_type} +([^/\s]+)/(\d{{1,9}})", line):
            encoding = found[1].upper()
            clock_hz = min(int(found[2]), _HIGHEST_CLOCK_HZ) or _RTP_CLOCK_HZ
    return Media(
        first[1].lower(), first[2].upper(), payload_type, encoding, clock_hz,
        _format(attributes.get("fmtp", []), payload_type), attributes.get("control", [""])[0],
    )  # fmt: skip


def _attributes(section: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^a=([\w-]+)(?::(.*))?$", section, re.M):
        found.setdefault(name.lower(), []).append(value.strip())
    return found


def _format(lines: list[str], payload_type: int) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in lines:
        number, _, settings = line.partition(" ")
        if number == str(payload_type):
            for setting in settings.split(";"):
                name, _, value = setting.partition("=")
                pairs[name.strip().lower()] = value.strip()
    return pairs


def _decode_base64(text: str) -> bytes:
    text = text.strip().rstrip("=")
    try:
        nal = b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
    return nal.removeprefix(START_CODE)  # which some cameras put there


def control_url(base: str, control: str) -> str:
    """The address of a track, or of the whole stream.

    A relative one is appended to `base`, as servers expect it, and not resolved like a link of a
    page: the base may end in a query, and may lack the slash at its end.
    """
    if control in ("", "*"):
        return base
    if re.match(r"rtsps?://", control, re.IGNORECASE):
        return sendable(control)
    return f"{base.removesuffix('/')}/{sendable(control).removeprefix('/')}"
