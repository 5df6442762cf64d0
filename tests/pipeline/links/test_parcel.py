from types import NoneType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.links.parcel import MessageError, Parcel, ParcelDecoder, encode_parcel
from pipeline.memory.frame_ref import NO_FRAME, FrameRef, Mark
from tests.pipeline.bodies import Note, OtherNote
from tests.pipeline.frames import make_ref

DECODER = ParcelDecoder(Note)

counts = st.integers(0, 2**63 - 1)
refs = st.builds(
    FrameRef, counts, counts, counts, counts, counts, st.integers(-(2**63), 2**63 - 1),
    st.booleans(), st.integers(NO_FRAME, 2**63 - 1), st.sampled_from(Mark),
)  # fmt: skip


@given(refs, st.none() | st.builds(Note, st.binary()), st.text())
def test_a_parcel_survives_its_encoding(ref: FrameRef, body: Note | None, failure: str) -> None:
    parcel = Parcel(ref, body, failure)
    assert DECODER.decode(encode_parcel(parcel)) == parcel


def test_a_body_of_another_kind_is_refused() -> None:
    data = encode_parcel(Parcel(make_ref(3), OtherNote(b"hello")))
    with pytest.raises(MessageError, match="no frame reference and body"):
        DECODER.decode(data)
    with pytest.raises(MessageError, match="no frame reference and body"):
        ParcelDecoder(NoneType).decode(data)
    assert ParcelDecoder(OtherNote).decode(data).body == OtherNote(b"hello")


@given(refs)
def test_a_reference_is_small(ref: FrameRef) -> None:
    assert len(encode_parcel(Parcel(ref, None))) < 200


def test_a_mark_that_there_is_not_is_refused() -> None:
    for mark in (-1, 4, True):
        data = msgspec.msgpack.encode([[*msgspec.to_builtins(make_ref(3))[:8], mark], None, ""])
        with pytest.raises(MessageError):
            DECODER.decode(data)


def test_a_reference_has_ten_fields_at_most() -> None:
    assert len(FrameRef.__struct_fields__) <= 10


@given(st.binary())
def test_other_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(MessageError) as refused:
        DECODER.decode(data)
    assert f"({len(data)} bytes)" in str(refused.value)


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
values = st.recursive(
    scalars | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_well_formed_messages_of_another_kind_are_refused_and_nothing_else(value: object) -> None:
    try:
        DECODER.decode(msgspec.msgpack.encode(value))
    except MessageError:
        return


def test_a_parcel_with_more_than_its_three_parts_is_read_or_refused() -> None:
    """Such bytes may nest without end, or hold text that is none."""
    start = b"\x94" + encode_parcel(Parcel(make_ref(3), None))[1:]
    assert DECODER.decode(start + b"\x00") == Parcel(make_ref(3), None)
    for end in (b"\x91" * 100_000, b"\xc1"):
        with pytest.raises(MessageError):
            DECODER.decode(start + end)


def test_a_reason_that_is_no_text_is_refused() -> None:
    data = encode_parcel(Parcel(make_ref(3), None, "ab"))
    with pytest.raises(MessageError):
        DECODER.decode(data.replace(b"ab", b"\xff\xfe"))


@pytest.mark.parametrize("field", ["camera", "epoch", "slot", "generation", "frame_id"])
def test_negative_numbers_are_refused(field: str) -> None:
    ref = msgspec.structs.replace(make_ref(3), **{field: -1})
    with pytest.raises(MessageError, match=">= 0"):
        DECODER.decode(encode_parcel(Parcel(ref, None)))
