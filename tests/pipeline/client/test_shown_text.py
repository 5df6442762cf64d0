"""The client stands alone, and shows text from outside as all of the line does."""

import json

from pipeline import shown_text
from pipeline.client.shown_text import json_line, one_line

ALL = "".join(map(chr, range(0x2100)))


def test_text_is_shown_as_by_the_line() -> None:
    assert one_line(ALL) == shown_text.one_line(ALL)
    text = json.dumps(ALL, ensure_ascii=False)
    assert json_line(text) == shown_text.json_line(text)
    assert json.loads(json_line(text)) == ALL
