"""What a model file says about itself, read without loading the model.

An .onnx file is one protobuf message, ModelProto. The supervising process and the light stages need
its labels and sizes, not a runtime, so its top-level fields are walked here and the graph is
skipped. The project's own part is JSON under the key `thunderline` of `metadata_props`.

Numbers from https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from stages.kernels.fit import WARPED, Fit, Place, Wh
from stages.model.zoo import shipped_names

METADATA_KEY = "thunderline"
FORMAT: Literal[1] = 1

# Field numbers of ModelProto and of its StringStringEntryProto.
IR_VERSION, GRAPH, METADATA_PROPS = 1, 7, 14
ENTRY_KEY, ENTRY_VALUE = 1, 2
# Protobuf wire types, and how many bytes follow those of fixed width.
VARINT, LENGTH_DELIMITED = 0, 2
FIXED_WIDTH = {1: 8, 5: 4}
MAX_VARINT_BYTES = 10

MOST_BYTES = 1 << 28  # some fifty times the largest ThunderNet

Fraction = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Label = Annotated[str, msgspec.Meta(min_length=1)]


class ModelFileError(ValueError):
    """A file that the line cannot take its model from."""


class SoftNmsDefaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model's boxes were made to compete when its accuracy was measured."""

    method: Literal["linear", "gaussian", "hard", "none"]  # none: each object is said once
    iou_thresh: Fraction
    sigma: Annotated[float, msgspec.Meta(gt=0.0)]


class ModelCard(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The JSON that `models.export` and `models.adopt` write into the file."""

    format: Literal[1]
    name: Label
    labels: Annotated[tuple[Label, ...], msgspec.Meta(min_length=1)]  # class_id counts from 0 here
    input_wh: tuple[Count, Count]
    max_rois: Count
    score_thresh: Fraction  # what a display should show; evaluation goes lower
    soft_nms: SoftNmsDefaults
    fit: Fit = WARPED  # how frames are brought to `input_wh`
    checkpoint_sha256: str
    recipe: dict[str, Any]  # how the weights were trained, and what they reach

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"labels: expected each once, got {list(self.labels)}")

    def place(self, frame_wh: Wh) -> Place:
        """Which part of the input a frame of square pixels covers."""
        return self.fit.place(self.input_wh, frame_wh)


class ModelMetadata(ModelCard, frozen=True, kw_only=True):
    """The card, and which bytes it was read from."""

    sha256: str


class _Format(msgspec.Struct):
    format: int


class _Malformed(Exception):
    """Bytes that are no protobuf message; the text says where."""


def read_model_metadata(path: Path | str) -> ModelMetadata:
    """Labels, sizes and defaults of the model file, and its SHA-256.

    Raises:
        ModelFileError: the file cannot be read, is no whole ONNX model, or is not one of ours.
    """
    try:
        _check_size(Path(path))
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise ModelFileError(
            f"model file {os.fspath(path)!r}: no such file, and none of the shipped models: "
            f"{', '.join(shipped_names())}"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise ModelFileError(f"model file {os.fspath(path)!r}: cannot be read: {error}") from error
    try:
        card = _decode_card(_find_metadata(data))
    except (_Malformed, msgspec.DecodeError) as error:
        raise ModelFileError(f"model file {os.fspath(path)!r}: {error}") from error
    return ModelMetadata(**msgspec.structs.asdict(card), sha256=hashlib.sha256(data).hexdigest())


def _check_size(path: Path) -> None:
    """A device or a pipe would be read for ever. Raises OSError or ValueError."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
        raise ValueError(f"expected a regular file of at most {MOST_BYTES} bytes")


def _decode_card(text: bytes) -> ModelCard:
    try:
        found = msgspec.json.decode(text, type=_Format).format
        if found != FORMAT:
            raise _Malformed(f"metadata {METADATA_KEY!r}: expected format {FORMAT}, got {found}")
        return msgspec.json.decode(text, type=ModelCard)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Malformed(f"metadata {METADATA_KEY!r}: {error}") from error


def _find_metadata(data: bytes) -> bytes:
    """The JSON under our key."""
    fields_seen = set()
    keys_seen = []
    for number, value in _walk_fields(memoryview(data)):
        fields_seen.add(number)
        if number != METADATA_PROPS or isinstance(value, int):
            continue
        entry = dict(_walk_fields(value))
        key, text = entry.get(ENTRY_KEY, b""), entry.get(ENTRY_VALUE, b"")
        if isinstance(key, int) or isinstance(text, int):
            raise _Malformed("metadata_props: expected strings, got numbers")
        if bytes(key) == METADATA_KEY.encode():
            return bytes(text)
        keys_seen.append(bytes(key).decode(errors="replace"))
    if not fields_seen >= {IR_VERSION, GRAPH}:
        raise _Malformed(
            "expected an ONNX model with its version and graph (fields 1 and 7), "
            f"got {len(data)} bytes with fields {sorted(fields_seen)[:10]}"
        )
    raise _Malformed(
        f"expected metadata {METADATA_KEY!r}, got keys {keys_seen}: not made by models.export; "
        "`python -m models.adopt` makes a model file of another detector's"
    )


def _walk_fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of every field of one message; the value of a fixed-width one is 0."""
    at = 0
    while at < len(data):
        tag, value_at = _read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, end = _read_varint(data, value_at)
            yield number, value
        elif wire_type == LENGTH_DELIMITED:
            length, value_at = _read_varint(data, value_at)
            end = value_at + length
            _check_whole(data, number, value_at, end)
            yield number, data[value_at:end]
        elif wire_type in FIXED_WIDTH:
            end = value_at + FIXED_WIDTH[wire_type]
            _check_whole(data, number, value_at, end)
            yield number, 0
        else:
            raise _Malformed(f"no ONNX model: expected a field at byte {at}, got {data[at]:#04x}")
        at = end


def _check_whole(data: memoryview, number: int, start: int, end: int) -> None:
    if end > len(data):
        raise _Malformed(
            f"cut short, or no ONNX model: field {number} at byte {start}: "
            f"expected {end - start} bytes, got {len(data) - start}"
        )


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at byte `at`, and where the next field starts."""
    value = 0
    for count, byte in enumerate(data[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    raise _Malformed(f"cut short, or no ONNX model: expected a number at byte {at}, got none")
