"""What is read from coded pictures before they are decoded."""

from typing import Any

from av.packet import Packet

_LARGEST_PLACEHOLDER = 19  # bytes; MAX_NVOP_SIZE of FFmpeg's mpeg4_unpack_bframes


def is_hidden(packet: "Packet[Any]", codec: str) -> bool:
    """Whether it is there only for others to refer to, or says that nothing has changed.

    Nothing is lost when no frame comes of it.
    """
    if codec == "mpeg4":  # a picture that is not coded, as DivX and Xvid write them
        return packet.size <= _LARGEST_PLACEHOLDER
    if codec == "vp8":  # RFC 6386, 9.1
        return not memoryview(packet)[0] & 0x10
    if codec == "vp9":
        return _is_hidden_vp9(memoryview(packet))
    return False


def _is_hidden_vp9(data: memoryview) -> bool:
    """VP9 Bitstream Specification, 6.2; in a superframe (annex B) one picture is shown."""
    if data[-1] & 0xE0 == 0xC0:
        return False
    first_bit = 5 if data[0] & 0x30 == 0x30 else 4  # profile 3 has a reserved bit more
    shows_earlier, show = data[0] >> (7 - first_bit) & 1, data[0] >> (5 - first_bit) & 1
    return not shows_earlier and not show


def mpeg2_size(packet: "Packet[Any]") -> tuple[int, int] | None:
    """(width, height) of the sequence that begins with this picture; None where none does."""
    data = bytes(packet)
    at = data.find(b"\0\0\1\xb3")  # sequence_header_code: ISO/IEC 13818-2, 6.2.2.1
    if at < 0 or len(data) < at + 7:
        return None
    sides = int.from_bytes(data[at + 4 : at + 7])
    return sides >> 12, sides & 0xFFF
