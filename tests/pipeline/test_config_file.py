import os
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from pipeline.config_file import ConfigError, build, read_yaml, set_key


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    rate: Annotated[float, Meta(gt=0.0)] = 25.0


class Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slots: Annotated[int, Meta(ge=4, le=64)] = 8


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_: tuple[float, float] = msgspec.field(name="from")


class House(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cameras: tuple[Camera, ...]
    ring: Ring = Ring()
    note: str | None = None
    doors: tuple[dict[str, Door], ...] = ()


def refuse(content: dict[Any, Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        build(content, House, "house.yaml")
    return str(refused.value)


def test_content_becomes_frozen_data_with_defaults() -> None:
    house = build({"cameras": [{"address": "a"}], "ring": {"slots": 9}}, House, "house.yaml")
    assert house == House((Camera("a"),), Ring(9))


def test_keys_are_those_of_the_file_and_names_may_be_numbers() -> None:
    content = {"cameras": [], "doors": [{7: {"from": [0, 1]}}]}
    assert build(content, House, "house.yaml").doors == ({"7": Door((0.0, 1.0))},)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"camras": []}, "unknown key 'camras': did you mean 'cameras'?"),
        ({"cameras": [{"addrex": ""}]}, "unknown key 'cameras[0].addrex': did you mean 'address'?"),
        ({"ring": {"sloots": 4}}, "unknown key 'ring.sloots': did you mean 'slots'?"),
        ({"xyz": 1}, "unknown key 'xyz': expected one of cameras, ring, note"),
        ({3: 1}, "unknown key '3': expected one of cameras, ring, note"),  # YAML allows it
        ({None: 1}, "unknown key 'None': did you mean 'note'?"),
        ({}, "Object missing required field `cameras`"),
        ({"cameras": [{}]}, "cameras[0]: Object missing required field `address`"),
        ({"cameras": 5}, "cameras: Expected `array`, got `int`"),
        ({"cameras": [{"address": True}]}, "cameras[0].address: Expected `str`, got `bool`"),
        ({"cameras": [], "ring": {"slots": "4"}}, "ring.slots: Expected `int`, got `str`"),
        ({"cameras": [], "ring": {"slots": 3}}, "ring.slots: Expected `int` >= 4, got 3"),
        ({"cameras": [], "ring": {"slots": 65}}, "ring.slots: Expected `int` <= 64, got 65"),
        ({"cameras": [], "ring": {"slots": 2**70}}, "ring.slots: "),
        ({"cameras": [{"address": "a", "rate": 0}]}, "cameras[0].rate: Expected `float` > 0"),
        ({"cameras": [], "doors": [{"a": {"from_": [0, 1]}}]},
         "unknown key 'doors[0].a.from_': did you mean 'from'?"),
        ({"cameras": [], "doors": [{"a": {"from": [0, 1]}, "b": {"from": [0, "x"]}}]},
         "doors[0].b.from[1]: Expected `float`, got `str`, got 'x'"),
        ({"cameras": [], "doors": [{"a": {"from": [0, 1]}, True: {"from": [0, 1]}}]},
         "doors[0]: Expected `str`, got `bool` as a name, got {'a': "),  # `yes` in YAML
        ({"cameras": [], "ring": None}, "ring: Expected `object`, got `null`"),
        ({"cameras": [], "ring": [1]}, "ring: Expected `object`, got `array`"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place_its_value_and_what_was_expected(
    content: dict[Any, Any], said: str
) -> None:
    message = refuse(content)
    assert message.startswith("house.yaml: ")
    assert said in message
    assert "\n" not in message


names = ["cameras", "address", "rate", "ring", "slots", "note", "doors", "from"]
keys = st.sampled_from(names) | st.text()
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(keys | scalars, inner), max_leaves=15
)


@given(st.dictionaries(keys | scalars, values))
def test_any_content_is_built_or_refused(content: dict[Any, Any]) -> None:
    try:
        build(content, House, "house.yaml")
    except ConfigError as error:
        said = str(error)
    else:
        said = "house.yaml: "
    assert said.startswith("house.yaml: ")


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_is_a_mapping_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        assert isinstance(read_yaml(path), dict)
    except ConfigError as error:
        said = str(error)
    else:
        said = f"configuration {path}"
    assert said.startswith(f"configuration {path}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected keys and values, got nothing"),
        (b"- 1", "expected keys and values, got list"),
        (b"a: [", "not YAML: "),
        (b"a: \x00", "not YAML: "),
        (b"\xff\xfe\x00", "not YAML: "),
        (b"a: " + b"9" * 5000, "not YAML: "),  # more digits than Python reads
        (b"[" * 5000, "not YAML: "),  # deeper than Python goes
        (b"? [1]\n: 2", "not YAML: "),  # a list as a key
        (b"a: !!python/object:os.system x", "not YAML: "),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "house.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_yaml(path)
    assert str(refused.value).startswith(f"configuration {path}: {said}")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_yaml(tmp_path)


def test_an_assignment_is_made_in_place_at_any_depth() -> None:
    content: dict[str, Any] = {"ring": {"slots": 4}}
    for assignment in ("ring.slots=9", "note=a = b", "new.key.deep=[1, {x: y}]", "none="):
        set_key(content, assignment)
    assert content == {
        "ring": {"slots": 9}, "note": "a = b", "new": {"key": {"deep": [1, {"x": "y"}]}},
        "none": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("ring.slots", "--set: expected key=value, got 'ring.slots'"),
        ("=4", "--set: expected key=value, got '=4'"),
        ("note.length=4", "--set: 'note' has no keys of its own"),
        ("cameras.0.address=a", "--set: 'cameras' has no keys of its own"),
        ("note=[", "--set note: not YAML: "),
        ("note={a: 1, b: 2, a: 3}", "--set note: line 1: key 'a' is given twice"),
    ],
)
def test_an_assignment_that_cannot_be_made_is_refused(assignment: str, said: str) -> None:
    content: dict[str, Any] = {"note": "a", "cameras": [{"address": "b"}]}
    with pytest.raises(ConfigError) as refused:
        set_key(content, assignment)
    assert str(refused.value).startswith(said)


@given(st.text())
def test_any_assignment_is_made_or_refused(assignment: str) -> None:
    content: dict[str, Any] = {"note": "a", "ring": {"slots": 4}}
    try:
        set_key(content, assignment)
    except ConfigError as error:
        assert str(error).startswith("--set")  # noqa: PT017 - both outcomes are right


# What people write -------------------------------------------------------------------------------


def read(tmp_path: Path, text: str | bytes) -> dict[str, Any]:
    path = tmp_path / "house.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "note: a\nring: {slots: 8}\nnote: b\n",
            "line 3: key 'note' is given twice; it is in line 1",
        ),
        ("ring:\n  slots: 8\n  slots: 9\n", "line 3: key 'slots' is given twice; it is in line 2"),
        ("cameras:\n- {address: a,\n   address: b}\n", "line 3: key 'address' is given twice"),
        ("a: &b {x: 1, x: 2}\n", "line 1: key 'x' is given twice"),
        ("'note': a\nnote: b\n", "line 2: key 'note' is given twice"),  # written in two ways
        ("1: a\n01: b\n", "line 2: key '01' is given twice"),
        ("1: a\ntrue: b\n", "line 2: key 'true' is given twice"),  # the same to Python
        ("? note\n: a\n? note\n: b\n", "line 3: key 'note' is given twice"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_its_lines(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"configuration {tmp_path}/house.yaml: {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ring: &r\n  slots: *r\n", "line 2: *r stands for something that it is in"),
        ("a: &a [1, [*a]]\n", "line 1: *a stands for something that it is in"),
        ("a: &a {<<: *a, slots: 1}\n", "line 1: *a stands for something that it is in"),
        (
            "a: &a [x]\n"
            + "".join(f"{n}: &{n} [{f'*{m}, ' * 9}]\n" for m, n in pairwise("abcdefghi")),
            "line 7: expected 1048576 values in 64 levels at most, with those that aliases",
        ),
        (
            "a0: &a0 x\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(900)),
            "line 65: expected 1048576 values in 64 levels at most",
        ),
        ("a: " + "[" * 100 + "]" * 100, "line 1: expected 1048576 values in 64 levels at most"),
    ],
)
def test_an_alias_without_an_end_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Whoever follows it would never come back, or with an error of Python's."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"configuration {tmp_path}/house.yaml: {said}")


def test_an_alias_stands_for_what_its_anchor_is_on(tmp_path: Path) -> None:
    content = read(tmp_path, "a: &a [1, &b {c: 2}]\nb: [*b, *a, *a]\n")
    assert content["b"] == [{"c": 2}, [1, {"c": 2}], [1, {"c": 2}]]


def test_merged_mappings_may_be_overridden(tmp_path: Path) -> None:
    """The order in which PyYAML unfolds them must not look like a key that is there twice."""
    text = """
        a: &a {slots: 1, rate: 2}
        b: &b {<<: *a, slots: 3}
        c: {<<: *b, rate: 4}
        d: {<<: *a, <<: *b, note: 5}
    """
    content = read(tmp_path, text)
    assert content["b"] == {"slots": 3, "rate": 2}
    assert content["c"] == {"slots": 3, "rate": 4}
    assert content["d"] == {"slots": 3, "rate": 2, "note": 5}


@pytest.mark.parametrize(
    "name",
    ["0", "0123", "12:30", "1:30:00", "2024-05-01", "2001-13-45", "1.10", "1e3", "0x10", "1_000"],
)
def test_a_name_that_looks_like_a_number_or_a_date_stays_as_it_is_written(
    tmp_path: Path, name: str
) -> None:
    content = read(tmp_path, f"cameras: [{{address: {name}}}]\nnote: {name}\n")
    house = build(content, House, "house.yaml")
    assert (house.cameras[0].address, house.note) == (name, name)


def test_a_number_is_one_where_a_number_is_expected(tmp_path: Path) -> None:
    text = "cameras: [{address: a, rate: 7.5}, {address: b, rate: 3}]\nring: {slots: 0x10}\n"
    house = build(read(tmp_path, text), House, "house.yaml")
    assert [camera.rate for camera in house.cameras] == [7.5, 3.0]
    assert house.ring.slots == 16
    assert type(house.ring.slots) is int


def test_bytes_that_are_no_utf8_pass_as_names_of_files_do(tmp_path: Path) -> None:
    name = os.fsdecode(b"l\xfc.mp4")
    for text in (b"note: l\xfc.mp4\n", b"note: 'l\xfc.mp4'\n"):
        assert read(tmp_path, text) == {"note": name}
    content: dict[str, Any] = {"cameras": []}
    set_key(content, f"note={name}")
    assert build(content, House, "house.yaml").note == name


def test_a_file_in_utf16_or_with_a_mark_is_read(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        assert read(tmp_path, "note: für\n".encode(encoding)) == {"note": "für"}


def test_text_that_is_no_utf_8_is_named_where_words_are_expected() -> None:
    class Room(msgspec.Struct, frozen=True):
        name: Literal["yard", "hall"]

    class Floor(msgspec.Struct, frozen=True):
        cameras: tuple[Room, ...]

    content = {"cameras": [{"name": "yard"}, {"name": "yard\udcff"}]}
    with pytest.raises(ConfigError, match=r"^line\.yaml: cameras\[1\]\.name: expected UTF-8, got "):
        build(content, Floor, "line.yaml")
