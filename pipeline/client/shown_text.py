"""Text that was sent, as it is shown: it steers no terminal and forges no line.

Names of cameras, boards and files may hold any character. What a terminal would obey is shown as in
a string of Python, in JSON as in one of JSON.
"""

_CODES = (*range(32), *range(127, 160))
_CONTROLS = {code: f"\\x{code:02x}" for code in _CODES}
_OF_JSON = {code: f"\\u{code:04x}" for code in _CODES}


def one_line(text: object) -> str:
    """A name, or what else is to stay in its line."""
    return str(text).translate(_CONTROLS)


def json_line(text: str) -> str:
    """JSON without line breaks between its values; it means the same."""
    return text.translate(_OF_JSON)
