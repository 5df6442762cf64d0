"""What a browser calls a coding: the `codecs` parameter of a media type (RFC 6381)."""

from collections.abc import Mapping

_SPACES = ("", "A", "B", "C")


def codec_name(boxes: Mapping[str, bytes]) -> str:
    """By the decoder's configuration in the sample entry: boxes by their names."""
    if "avcC" in boxes:  # ISO/IEC 14496-15, 5.3.3.1: version, profile, compatibility, level
        return f"avc1.{boxes['avcC'][1:4].hex().upper()}"
    if "hvcC" in boxes:
        return _hevc_name(boxes["hvcC"])
    return _av1_name(boxes["av1C"])


def _hevc_name(config: bytes) -> str:
    """ISO/IEC 14496-15, 8.3.3.1 and annex E.3."""
    space, is_high, profile = config[1] >> 6, config[1] >> 5 & 1, config[1] & 31
    compatible = int(f"{int.from_bytes(config[2:6]):032b}"[::-1], 2)
    constraints = config[6:12].rstrip(b"\0")
    tier = "H" if is_high else "L"
    words = [f"{_SPACES[space]}{profile}", f"{compatible:X}", f"{tier}{config[12]}"]
    return ".".join(["hvc1", *words, *(f"{byte:X}" for byte in constraints)])


def _av1_name(config: bytes) -> str:
    """AV1 Codec ISO Media File Format Binding, 2.3 and 5."""
    profile, level = config[1] >> 5, config[1] & 31
    tier = "H" if config[2] & 0x80 else "M"
    depth = 8 if not config[2] & 0x40 else 12 if config[2] & 0x20 else 10
    return f"av01.{profile}.{level:02}{tier}.{depth:02}"
