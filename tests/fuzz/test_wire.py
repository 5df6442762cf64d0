"""Messages from anywhere: each is read or refused by the one error that its reader knows."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.client import WIRE_VERSION, WireError, decode_message
from pipeline.links.parcel import MessageError, Parcel, ParcelDecoder, encode_parcel
from stages.slot import DetectionBody
from tests.examples import examples
from tests.fuzz.damage import damaged
from tests.pipeline.frames import make_ref
from tests.pipeline.messages import encode, make_message, make_status

PARCEL = encode_parcel(
    Parcel(make_ref(7, slot=3, generation=12), DetectionBody(b"detections" * 5), "detect: no")
)
DECODER = ParcelDecoder(DetectionBody)
MESSAGES = st.sampled_from([
    encode(make_message()), encode(make_message(status="error", why="detect: no")),
    encode(make_status(), b"status.yard"),
])  # fmt: skip

numbers = st.integers(-(2**63), 2**64 - 1) | st.floats()
leaves = st.none() | st.booleans() | numbers | st.text(max_size=8) | st.binary(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def read_parcel(data: bytes) -> None:
    try:
        parcel = DECODER.decode(data)
    except MessageError:
        return
    assert DECODER.decode(encode_parcel(parcel)) == parcel


def read_message(data: bytes) -> None:
    try:
        message = decode_message(data)
    except WireError:
        return
    assert message.v == WIRE_VERSION


@given(damaged(PARCEL))
def test_damaged_parcels(data: bytes) -> None:
    read_parcel(data)


@given(st.lists(leaves, min_size=7, max_size=11), leaves)
def test_parcels_with_wrong_fields(fields: list[object], body: object) -> None:
    read_parcel(msgspec.msgpack.encode([fields, body]))


@given(values)
def test_parcels_of_another_form(value: object) -> None:
    read_parcel(msgspec.msgpack.encode(value))


@given(MESSAGES.flatmap(damaged))
def test_damaged_messages(data: bytes) -> None:
    read_message(data)


@given(st.sampled_from(sorted(msgspec.to_builtins(make_message()))), values)
@examples(200)
def test_messages_with_a_wrong_field(field: str, value: object) -> None:
    content = msgspec.to_builtins(make_message()) | {field: value}
    read_message(b"det.yard " + msgspec.msgpack.encode(content))


def test_nesting_without_end() -> None:
    deep = b"\x91" * 100_000
    for start in (b"", b"\x92", PARCEL[:-1], b"\x9b" + bytes(10)):
        read_parcel(start + deep)
        read_message(b"det.yard " + start + deep)
        read_message(b"det.yard \x81\xa1x" + deep)
