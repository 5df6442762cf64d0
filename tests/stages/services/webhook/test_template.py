"""Templates: placeholders and nothing else."""

from typing import Any

import pytest

from stages.services.webhook.template import TemplateError, check_template, fill, names_in

VALUES = {"label": "car", "score": 0.5, "region": None, "box": [1, 2, 3, 4]}
NAMES = frozenset(VALUES)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{label}", "car"),
        ("{score}", 0.5),  # alone: with its type
        ("{box}", [1, 2, 3, 4]),
        ("{region}", None),
        ("a {label}, {score}", "a car, 0.5"),
        ("in {region}.", "in ."),  # nothing in a text
        ("{{label}} {label}", "{label} car"),
        ({"text": "{label}", "n": [1, "{score}", True, None]},
         {"text": "car", "n": [1, 0.5, True, None]}),
        ({"{label}": "x"}, {"car": "x"}),
        ("{label.__class__}", "{label.__class__}"),  # refused by the check
        (7, 7),
    ],
)  # fmt: skip
def test_values_stand_where_their_names_stood(template: Any, filled: Any) -> None:
    assert fill(template, VALUES) == filled


@pytest.mark.parametrize("text", ["{", "}", "{label", "{label!r}", "{label.upper}", "{0}", "{ x }"])
def test_a_brace_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="braces"):
        check_template({"a": [text]}, NAMES)


def test_a_name_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(TemplateError, match=r"box, label, region, score in braces, got \{mark\}"):
        check_template({"a": "{mark}"}, NAMES)


def test_names_are_found_at_any_depth() -> None:
    assert names_in({"a": ["{label} {score}", {"{box}": 1}]}) == {"label", "score", "box"}
    check_template({"a": ["{label} {{}}", {"{box}": 1}]}, NAMES)
