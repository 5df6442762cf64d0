"""Text from outside as a terminal gets it."""

import json

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
