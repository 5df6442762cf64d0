from pathlib import Path

import msgspec
import pytest

from models.complexity.paper_row import PaperRow, load_row
from models.errors import ConfigError

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("printed: {mflops: 1}", "expected either detector or classifier, got neither"),
        (
            "{printed: {mflops: 1}, detector: {}, classifier: {backbone: snet49}}",
            "expected either detector or classifier, got both",
        ),
        ("{printed: {mflops: 0}, detector: {}}", "mflops and parts: expected above 0, got 0.0"),
        ("{printed: {}, detector: {}}", r"missing required field `mflops` - at `\$.printed`"),
        (
            "{printed: {mflops: 1}, detector: {backbone: snet50}}",
            r"'snet50' - at `\$.detector.backbone`",
        ),
        ("{printed: {mflops: 1}, detector: {labels: [a]}}", "detector.labels: expected none"),
        ("{printed: {mflops: 1}, detector: {}, labels: lvis}", r"'lvis' - at `\$.labels`"),
        ("{printed: {mflops: 1}, detektor: {}}", "unknown field `detektor`"),
        (
            "{printed: {mflops: 1, parts: {rpn: 2}}, classifier: {backbone: snet49}}",
            "printed.parts: expected none for a classifier",
        ),
        (
            "{printed: {mflops: 1}, classifier: {backbone: snet49, input_size: 225}}",
            r"multiple of 32 from 64 up, got 225 - at `\$.classifier`",
        ),
        ("printed: [", "row.yaml"),
    ],
)
def test_bad_rows_are_refused_with_their_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "row.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as refused:
        load_row(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_row_without_detector_has_no_detector_configuration() -> None:
    text = b"{printed: {mflops: 1}, classifier: {backbone: snet49}}"
    assert msgspec.yaml.decode(text, type=PaperRow).detector_config() is None
