"""Text from outside as a terminal gets it."""

import json
from collections.abc import Callable

import pytest

from pipeline.client import shown_text as of_client
from pipeline.shown_text import json_line, lines, one_line

FOREIGN = "a\x1b[2J\nb\x9b\x7fé"


def test_a_name_stays_in_its_line_and_steers_nothing() -> None:
    assert one_line(FOREIGN) == r"a\x1b[2J\x0ab\x9b\x7fé"


def test_text_of_several_lines_keeps_them() -> None:
    assert lines(FOREIGN) == "a\\x1b[2J\nb\\x9b\\x7fé"


def test_json_means_the_same() -> None:
    shown = json_line(json.dumps({FOREIGN: FOREIGN}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {FOREIGN: FOREIGN}


@pytest.mark.parametrize("mine", [one_line, json_line])
def test_the_client_which_is_copied_by_itself_shows_the_same(mine: Callable[[str], str]) -> None:
    theirs = getattr(of_client, mine.__name__)
    every = "".join(map(chr, range(0x180)))
    assert theirs(every) == mine(every)
