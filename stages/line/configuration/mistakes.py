"""The keys that an error of the configuration names."""

import re

from pipeline.redact import redact
from stages.config import LineConfig
from stages.services.line_control import Mistake

ORIGIN = "configuration"  # for `build`: it stands before the key
_MOST_CHARACTERS = 1000
_SECTIONS = "|".join(LineConfig.__struct_fields__)
_NAMED = re.compile(
    rf"(?:{ORIGIN}: )?"
    r"(?:unknown key '(?P<unknown>[^']+)'"
    rf"|(?P<key>(?:{_SECTIONS})(?:\[\d+\]|\.[\w-]+)*): )"
)


def find_mistake(error: Exception) -> Mistake:
    """What is wrong, and where; the key is empty if the error names none."""
    text = redact(str(error)).removeprefix(f"{ORIGIN}: ")[:_MOST_CHARACTERS]
    found = _NAMED.match(text)
    if found is None:
        return Mistake("", text)
    if found["unknown"] is not None:
        return Mistake(found["unknown"], text)
    return Mistake(found["key"], text[found.end() :])
