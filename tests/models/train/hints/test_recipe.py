"""Recipes of hints: what is refused before data or teacher are read."""

from pathlib import Path
from typing import Any

import pytest

from models.errors import ConfigError
from tests.models.train.hints.recipes import HINTS, read

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"views": 1}, "views: expected at least a batch of 2, got 1"),
        ({"held_out_views": 0}, "held_out_views: expected at least a batch of 2, got 0"),
        ({"size": 60}, "multiple of 16 from 64 up, got 60"),
        ({"fit_every": 0}, "fit_every: expected at least 1, got 0"),
        ({"fit_views": 1}, "fit_views: expected at least a batch of 2, got 1"),
        ({"iterations": 0}, "expected iterations >= 1"),
        ({"teacher": {"file": "x.onnx", "hints": []}}, "expected at least one, none twice"),
        ({"teacher": {"file": "x.onnx", "hints": HINTS[:1] * 2}}, "none twice, got "),
        ({"teacher": {"file": "x.onnx", "hints": HINTS, "size": 50}}, "from 64 up, got 50"),
        (
            {"teacher": {"file": "x.onnx", "hints": [{**HINTS[0], "of": "c3"}]}},
            "Invalid enum value 'c3'",
        ),
        (
            {"teacher": {"file": "x.onnx", "hints": [{**HINTS[0], "of": "rois"}]}},
            "expected c4, c5 or context, without labels, got rois",
        ),
        (
            {"teacher": {"file": "x.onnx", "hints": [{**HINTS[0], "channels": 0}]}},
            "hint seen: expected channels >= 1 and weight > 0, got 0 and 1.0",
        ),
        ({"criterion": {}}, "unknown field `criterion`"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, **changes)
