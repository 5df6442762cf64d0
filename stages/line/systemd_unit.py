"""A unit of systemd that starts a line at boot and watches it.

thunderline install-service --config /etc/thunderline/gate.yaml
thunderline install-service --config gate.yaml --print         show it, write nothing
thunderline install-service --config gate.yaml --credential gate:/etc/thunderline/gate.password
                                    what ${credential:gate} stands for in the configuration
"""

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline import log
from pipeline.errors import LineError
from pipeline.log import say, say_error

EXIT_OK, EXIT_REFUSED = 0, 2
UNITS = Path("/etc/systemd/system")
_TEMPLATE = Path(__file__).parents[2] / "configs/systemd/thunderline.service"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_NEXT = """Now:
    systemctl daemon-reload
    systemctl enable --now {unit}
    systemctl status {unit}          what it does
    systemctl reload {unit}          after a change of the configuration
    journalctl --unit {unit}         what it says"""


class UnitError(LineError):
    """The unit cannot be made, or cannot be written."""


class Credential(NamedTuple):
    """A file that systemd reads as root and shows to the service alone (systemd.exec(5))."""

    name: str
    path: Path


def make_unit(command: Path, config: Path, credentials: Sequence[Credential] = ()) -> str:
    """The text of the unit.

    Raises:
        UnitError: a path that a unit cannot hold.
    """
    text = _TEMPLATE.read_text()
    for mark, path in (("@COMMAND@", command), ("@CONFIG@", config)):
        text = text.replace(mark, _quote(path))
    loaded = (f"LoadCredential={each.name}:{_escape(each.path)}\n" for each in credentials)
    text = text.replace("@CREDENTIALS@\n", "".join(loaded))
    return text.partition("\n")[2]  # without the line about the marks


def parse_credential(text: str) -> Credential:
    """What `NAME:PATH` asks for. Raises UnitError."""
    name, colon, path = text.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise UnitError(f"--credential: expected NAME:PATH, got '{text}'")
    if not Path(path).is_file():
        raise UnitError(f"--credential {name}: expected a file, got '{path}'")
    return Credential(name, Path(path).absolute())


def _quote(path: Path) -> str:
    """The path as one word of `ExecStart=` (systemd.service(5), "Command lines")."""
    escaped = _escape(path).replace("\\", r"\\").replace('"', r"\"").replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" '\";") else escaped


def _escape(path: Path) -> str:
    """The path as a unit holds it: `%` begins a specifier."""
    text = str(path)
    if any(ord(character) < ord(" ") for character in text):
        raise UnitError(f"{text!r}: expected a path without control characters")
    return text.replace("%", "%%")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML file")
    parser.add_argument(
        "--credential", action="append", default=[], metavar="NAME:PATH", help="repeatable"
    )
    parser.add_argument("--name", default="thunderline", help="of the unit")
    parser.add_argument("--print", action="store_true", help="show it, write nothing")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    log.configure("INFO", "install")
    try:
        if not _NAME.fullmatch(options.name):
            raise UnitError(f"--name: expected letters, digits and _ . -, got '{options.name}'")
        credentials = [parse_credential(text) for text in options.credential]
        text = make_unit(_find_command(), _check_config(options.config), credentials)
        if options.print:
            sys.stdout.write(text)  # whole: names of credentials look like credentials
            return EXIT_OK
        path = UNITS / f"{options.name}.service"
        _write(path, text)
    except LineError as error:
        say_error(f"error: {error}")
        return EXIT_REFUSED
    say(f"wrote {path}\n{_NEXT.format(unit=path.name)}")
    return EXIT_OK


def _find_command() -> Path:
    """The command of this environment: another one may come first in the path."""
    beside = Path(sys.executable).parent / "thunderline"
    found = str(beside) if beside.exists() else shutil.which("thunderline")
    if found is None:
        raise UnitError("no command 'thunderline' beside this Python or in the path: install it "
                        "with pip first")  # fmt: skip
    return Path(found).absolute()


def _check_config(config: Path) -> Path:
    if not config.is_file():
        raise UnitError(f"--config {config}: expected a file")
    return config.absolute()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise UnitError(
            f"{path}: {error.strerror}: expected to be root; --print shows the unit"
        ) from None


if __name__ == "__main__":
    sys.exit(log.run_command(main))
