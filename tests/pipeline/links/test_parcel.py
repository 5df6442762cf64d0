import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.links.parcel import MessageError, Parcel, decode_parcel, encode_parcel
from pipeline.memory.frame_ref import NO_FRAME, FrameRef
from tests.pipeline.frames import make_ref

counts = st.integers(0, 2**63 - 1)
refs = st.builds(
    FrameRef, counts, counts, counts, counts, counts, st.integers(-(2**63), 2**63 - 1),
    st.booleans(), st.integers(NO_FRAME, 2**63 - 1), st.booleans(),
)  # fmt: skip


@given(refs, st.binary())
def test_a_parcel_survives_its_encoding(ref: FrameRef, body: bytes) -> None:
    assert decode_parcel(encode_parcel(Parcel(ref, body))) == Parcel(ref, body)


@given(refs)
def test_a_reference_is_small(ref: FrameRef) -> None:
    assert len(encode_parcel(Parcel(ref))) < 200


def test_a_reference_has_ten_fields_at_most() -> None:
    assert len(FrameRef.__struct_fields__) <= 10


@given(st.binary())
def test_other_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(MessageError) as refused:
        decode_parcel(data)
    assert f"({len(data)} bytes)" in str(refused.value)


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
values = st.recursive(
    scalars | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_well_formed_messages_of_another_kind_are_refused_and_nothing_else(value: object) -> None:
    try:
        decode_parcel(msgspec.msgpack.encode(value))
    except MessageError:
        return


@pytest.mark.parametrize("field", ["camera", "epoch", "slot", "generation", "frame_id"])
def test_negative_numbers_are_refused(field: str) -> None:
    ref = msgspec.structs.replace(make_ref(3), **{field: -1})
    with pytest.raises(MessageError, match=">= 0"):
        decode_parcel(encode_parcel(Parcel(ref)))
