"""References to secrets: what counts as one, and how its value becomes a part of a text."""

import pytest

from pipeline.credentials.references import (
    Reference,
    change_references,
    fill,
    find_references,
    without_references,
)

VALUES = {
    "PASSWORD": "p@ss/w:rd #1", "USER": "ad:min", "BOTH": "admin:S3cr@t", "HOST": "10.0.0.7:554",
    "URL": "rtsp://admin:S3cret@cam/1", "FOLDER": "/run/me",
}  # fmt: skip


def look_up(reference: Reference) -> str:
    assert reference.kind == "variable"
    return VALUES[reference.what]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("rtsp://cam/1", "rtsp://cam/1"),
        ("${URL}", VALUES["URL"]),
        ("rtsp://admin:${PASSWORD}@cam/1", "rtsp://admin:p%40ss%2Fw%3Ard%20%231@cam/1"),
        ("rtsp://${USER}:${PASSWORD}@${HOST}/1",
         "rtsp://ad%3Amin:p%40ss%2Fw%3Ard%20%231@10.0.0.7:554/1"),
        ("rtsp://${BOTH}@cam", "rtsp://admin:S3cr%40t@cam"),
        ("http://cam/v?user=a&pwd=${PASSWORD}", "http://cam/v?user=a&pwd=p%40ss%2Fw%3Ard%20%231"),
        ("${FOLDER}/mqtt", "/run/me/mqtt"),
        ("${PASSWORD}", VALUES["PASSWORD"]),
        ("rtsp://admin:$${PASSWORD}@cam", "rtsp://admin:${PASSWORD}@cam"),
        ("rtsp://admin:$$a$b@cam/$HOME", "rtsp://admin:$$a$b@cam/$HOME"),
    ],
)  # fmt: skip
def test_a_value_is_encoded_as_its_place_demands(text: str, filled: str) -> None:
    assert fill(text, look_up).text == filled


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("rtsp://${USER}:${PASSWORD}@${HOST}/1", ("ad:min", "p@ss/w:rd #1")),
        ("http://cam/v?pwd=${PASSWORD}", ("p@ss/w:rd #1",)),
        ("${PASSWORD}", ("p@ss/w:rd #1",)),
        ("rtsp://${HOST}/1", ()),
    ],
)
def test_a_host_is_no_secret(text: str, secrets: tuple[str, ...]) -> None:
    assert fill(text, look_up).secrets == secrets


def test_where_a_secret_is_may_hold_slashes_and_dots() -> None:
    text = "rtsp://${file:/run/secrets/gate?.user}:${credential:gate.password}@cam"
    assert list(find_references(text)) == [
        Reference("file", "/run/secrets/gate?.user"), Reference("credential", "gate.password"),
    ]  # fmt: skip
    assert fill(text, lambda reference: reference.kind).text == "rtsp://file:credential@cam"


@pytest.mark.parametrize(
    "wrong", ["${", "${}", "${a b}", "${env:X}", "${file:}", "${X:-y}", "${é}"]
)
def test_what_is_no_reference_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"expected \$\{NAME\}, \$\{file:PATH\} or .*; got '\$\{"):
        fill(f"rtsp://{wrong}@cam", look_up)


def test_names_of_secrets_are_left_out_of_what_is_learned() -> None:
    assert without_references("rtsp://me:a${GATE_PASSWORD}b$${@cam") == "rtsp://me:ab@cam"


def test_references_are_changed_and_all_else_stays() -> None:
    text = "a ${X} $${Y} ${file:b} ${no"
    changed = change_references(
        text, lambda each: each._replace(what=f"/c/{each.what}") if each.kind == "file" else each
    )
    assert changed == "a ${X} $${Y} ${file:/c/b} ${no"
