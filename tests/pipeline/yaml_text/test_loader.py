"""Both parsers give the same, and the mistakes that PyYAML does not see are seen by both."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.yaml_text import loader
from pipeline.yaml_text.loader import EndlessAlias, RepeatedKey, WrittenFloat, WrittenInt, load_yaml
from tests.examples import examples

LOADERS = [loader._FastLoader, loader._SlowLoader]
each_loader = pytest.mark.parametrize("kind", LOADERS)


def load(text: str, kind: Any) -> Any:
    return yaml.load(text, kind)


def written(value: Any) -> Any:
    """The value with each number as it was written."""
    if isinstance(value, (WrittenInt, WrittenFloat)):
        return type(value).__name__, value.written
    if isinstance(value, dict):
        return {written(key): written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [written(item) for item in value]
    return value


def test_the_parser_of_libyaml_is_at_work() -> None:
    """It is in every wheel of PyYAML; without it a large file takes three times as long."""
    assert loader._FastLoader is not loader._SlowLoader


@each_loader
def test_numbers_remember_their_text_and_dates_are_texts(kind: Any) -> None:
    found = load("{a: 0123, b: 1.10, c: 2024-05-01, d: 0x1F, 7: yes}", kind)
    assert written(found) == {
        "a": ("WrittenInt", "0123"), "b": ("WrittenFloat", "1.10"), "c": "2024-05-01",
        "d": ("WrittenInt", "0x1F"), ("WrittenInt", "7"): True,
    }  # fmt: skip


@each_loader
def test_mistakes_are_seen_with_their_line(kind: Any) -> None:
    with pytest.raises(RepeatedKey, match="line 3: key 'a' is given twice; it is in line 1 too"):
        load("a: 1\nb: 2\na: 3\n", kind)
    with pytest.raises(EndlessAlias, match=r"line 1: \*x stands for something that it is in"):
        load("a: &x [*x]", kind)
    bomb = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 8)}]\n" for i in range(8)
    )
    with pytest.raises(EndlessAlias, match="1048576 values"):
        load(bomb, kind)
    with pytest.raises(EndlessAlias, match="64 levels"):
        load("[" * 70 + "]" * 70, kind)


def test_bytes_that_are_no_utf8_pass() -> None:
    assert load_yaml(b"a: clip\xe9.mp4\n") == {"a": "clip\udce9.mp4"}


def test_an_address_with_a_query_needs_no_quotes_in_braces() -> None:
    """PyYAML's own parser refuses the question mark there; see findings/pyyaml-two-parsers.sh."""
    assert load_yaml("{uri: scene://street?seed=2, name: gate}")["uri"] == "scene://street?seed=2"


def test_a_mistake_in_a_large_text_is_not_looked_for_twice() -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml("a: [1, 2\n" + "# long\n" * 20_000 + "b: 1\n")


KEYS = st.sampled_from(["a", "b", "no", "7", "x y", "<<<", "ä"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@examples(60)
@given(value=st.dictionaries(KEYS, VALUES, max_size=3), flow=st.sampled_from([None, True, False]))
def test_both_parsers_give_the_same(value: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    fast, slow = (load(text, kind) for kind in LOADERS)
    assert written(fast) == written(slow)
    assert fast == value
