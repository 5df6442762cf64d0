import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from stages.config import SHIPPED_MODEL
from stages.model.model_file import ModelFileError, read_model_metadata
from tests.examples import examples

REPOSITORY = Path(__file__).parents[3]
CARD: dict[str, Any] = {
    "format": 1,
    "name": "thundernet-test",
    "labels": ["person", "car"],
    "input_wh": [320, 256],
    "max_rois": 200,
    "score_thresh": 0.3,
    "soft_nms": {"method": "linear", "iou_thresh": 0.5, "sigma": 0.5},
    "checkpoint_sha256": "ab" * 32,
    "recipe": {"iterations": 1000, "images": 32000},
}


def varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def make_model(
    card: dict[str, Any] | bytes | None = None, graph: bytes = b"\x0a\x00" * 500
) -> bytes:
    text = card if isinstance(card, bytes) else msgspec.json.encode(CARD if card is None else card)
    other = field(14, field(1, b"author") + field(2, b"somebody"))
    ours = field(14, field(1, b"thunderline") + field(2, text))
    return b"\x08\x0a" + field(2, b"producer") + field(7, graph) + other + ours


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def test_metadata_is_read_past_the_graph(model_path: Path) -> None:
    model_path.write_bytes(make_model())
    metadata = read_model_metadata(model_path)
    assert metadata.name == "thundernet-test"
    assert metadata.labels == ("person", "car")
    assert metadata.input_wh == (320, 256)
    assert metadata.max_rois == 200
    assert metadata.score_thresh == 0.3
    assert metadata.soft_nms.method == "linear"
    assert metadata.recipe == CARD["recipe"]
    assert metadata.sha256 == hashlib.sha256(make_model()).hexdigest()


def test_fields_of_later_onnx_versions_are_skipped(model_path: Path) -> None:
    fixed_width = varint(900 << 3 | 1) + bytes(8) + varint(901 << 3 | 5) + bytes(4)
    model_path.write_bytes(fixed_width + field(902, b"later") + make_model())
    assert read_model_metadata(str(model_path)).name == "thundernet-test"


def test_reading_loads_neither_runtime_nor_onnx(model_path: Path) -> None:
    model_path.write_bytes(make_model())
    code = (
        "import sys; from stages.model.model_file import read_model_metadata;"
        f"read_model_metadata({str(model_path)!r});"
        "assert not {'onnxruntime', 'onnx', 'numpy', 'cv2', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as refused:
        read_model_metadata(tmp_path / "nowhere.onnx")
    missing, _, names = str(refused.value).partition(", and none of the shipped models: ")
    assert missing == f"model file '{tmp_path}/nowhere.onnx': no such file"
    assert SHIPPED_MODEL in names.split(", ")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_model_metadata(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"got 0 bytes with fields \[\]"),  # an interrupted copy
        (b"PK\x03\x04\x14\x00", "expected 3 bytes|no ONNX model"),  # a zip, such as a .pt file
        (b"<html>Not found</html>", "no ONNX model"),  # a failed download
        (b"version https://git-lfs.github.com/spec/v1\n", "no ONNX model"),  # LFS not pulled
        (b"\x08\x0a", r"fields 1 and 7\), got 2 bytes with fields \[1\]"),  # no graph
        (b"\x80" * 20, "expected a number at byte 0"),  # endless number
    ],
)
def test_what_is_not_onnx(model_path: Path, data: bytes, message: str) -> None:
    model_path.write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        read_model_metadata(model_path)


def test_truncated_file_says_how_much_is_missing(model_path: Path) -> None:
    model_path.write_bytes(make_model()[:600])
    with pytest.raises(ModelFileError, match=r"cut short.*field 7 at byte 15: expected 1000 bytes"):
        read_model_metadata(model_path)


def test_model_of_another_program(model_path: Path) -> None:
    model_path.write_bytes(b"\x08\x0a" + field(7, b"") + field(14, field(1, b"names")))
    with pytest.raises(ModelFileError, match=r"expected metadata 'thunderline', got keys \['names"):
        read_model_metadata(model_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "expected format 1, got 2"),  # written by a later version
        ({"format": "1"}, r"Expected `int`, got `str` - at `\$.format`"),
        ({"labels": []}, r"length >= 1 - at `\$.labels`"),
        ({"labels": ["car", "car"]}, r"labels: expected each once, got \['car', 'car'\]"),
        ({"input_wh": [320]}, r"Expected `array` of length 2 - at `\$.input_wh`"),
        ({"input_wh": [0, 320]}, r"`int` >= 1 - at `\$.input_wh\[0\]`"),
        ({"score_thresh": 30}, r"`float` <= 1.0 - at `\$.score_thresh`"),  # a percentage
        ({"soft_nms": {"method": "soft"}}, r"Invalid enum value 'soft' - at `\$.soft_nms.method`"),
        ({"sha256": "00"}, "unknown field `sha256`"),
    ],
)
def test_wrong_fields_are_named(model_path: Path, change: dict[str, Any], message: str) -> None:
    model_path.write_bytes(make_model(CARD | change))
    with pytest.raises(ModelFileError, match=f"metadata 'thunderline': .*{message}"):
        read_model_metadata(model_path)


@pytest.mark.parametrize("missing", sorted(CARD))
def test_missing_fields_are_named(model_path: Path, missing: str) -> None:
    model_path.write_bytes(make_model({k: v for k, v in CARD.items() if k != missing}))
    with pytest.raises(ModelFileError, match=f"missing required field `{missing}`"):
        read_model_metadata(model_path)


@pytest.mark.parametrize(
    "text",
    [
        b"",  # nothing
        b"{",  # cut
        b'{"format": 1, "name": "\xff\xfe"}',  # not UTF-8
        b'{"format": 1, "recipe": {"a":' + b"[" * 100_000,  # deeper than any stack
    ],
)
def test_what_is_not_json(model_path: Path, text: bytes) -> None:
    model_path.write_bytes(make_model(text))
    with pytest.raises(ModelFileError, match="metadata 'thunderline'"):
        read_model_metadata(model_path)


FUZZ = examples(200, HealthCheck.function_scoped_fixture)


@given(data=st.binary(max_size=200))
@FUZZ
def test_random_bytes_give_no_other_error(model_path: Path, data: bytes) -> None:
    model_path.write_bytes(data)
    with pytest.raises(ModelFileError):
        read_model_metadata(model_path)


@given(
    at=st.integers(0, len(make_model()) - 1),
    replacement=st.binary(max_size=4),
    removed=st.integers(0, 8),
)
@FUZZ
def test_damaged_files_give_no_other_error(
    model_path: Path, at: int, replacement: bytes, removed: int
) -> None:
    data = make_model()
    model_path.write_bytes(data[:at] + replacement + data[at + removed :])
    try:
        metadata = read_model_metadata(model_path)
    except ModelFileError:
        return
    assert metadata.labels  # the damage fell on the graph or on a word of free text


@given(text=st.binary(max_size=60))
@FUZZ
def test_random_metadata_gives_no_other_error(model_path: Path, text: bytes) -> None:
    model_path.write_bytes(make_model(text))
    with pytest.raises(ModelFileError):
        read_model_metadata(model_path)


def test_how_frames_are_fitted_stands_in_the_card(model_path: Path) -> None:
    fit = {"letterbox": {"align": "top_left", "pad": [114, 114, 114]}, "resize": "area"}
    model_path.write_bytes(make_model(CARD | {"fit": fit}))
    metadata = read_model_metadata(model_path)
    assert metadata.place((640, 256)) == (0, 0, 320, 128)
    assert metadata.fit.resize == "area"
    model_path.write_bytes(make_model())  # a file that says nothing of it
    metadata = read_model_metadata(model_path)
    assert metadata.place((640, 256)) == (0, 0, 320, 256)


@pytest.mark.parametrize(
    ("fit", "place"),
    [
        ({"letterbox": {"align": "left", "pad": [0, 0, 0]}}, "align"),
        ({"letterbox": {"align": "centre", "pad": [0, 0, 256]}}, "pad"),
        ({"resize": "lanczos"}, "resize"),
        ({"crop": 1}, "crop"),
    ],
)
def test_a_fit_that_makes_no_sense_is_refused(
    model_path: Path, fit: dict[str, Any], place: str
) -> None:
    model_path.write_bytes(make_model(CARD | {"fit": fit}))
    with pytest.raises(ModelFileError, match=place):
        read_model_metadata(model_path)
