"""Make keys for lines that encrypt (CURVE); each makes a pair of files.

    python -m pipeline.keys keys               keys/line.key and keys/line.key_secret
    python -m pipeline.keys keys --client office
                                               keys/clients/office.key and keys/office.key_secret

The line is given its secret key and the folder of its clients' public ones:

    publish.secret_key: keys/line.key_secret
    publish.clients: keys/clients

A client gets line.key and its own secret key, which need not stay here.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import zmq

from pipeline.errors import LineError
from pipeline.log import run_command
from pipeline.shown_text import one_line

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class KeysError(LineError):
    """Keys could not be made."""


def make_keys(name: str, public_folder: Path, secret_folder: Path) -> tuple[Path, Path]:
    """Write a new pair; returns the files of its public and of its secret key.

    Raises:
        KeysError: a file exists (it is never replaced) or cannot be written.
    """
    public_path = public_folder / f"{name}.key"
    secret_path = secret_folder / f"{name}.key_secret"
    public, secret = (key.decode() for key in zmq.curve_keypair())
    _write(secret_path, _describe(public, secret), 0o600)
    try:
        _write(public_path, _describe(public), 0o644)
    except KeysError:
        secret_path.unlink(missing_ok=True)  # a secret key is of no use without its public one
        raise
    return public_path, secret_path


def _describe(public: str, secret: str | None = None) -> str:
    """The file format of ZeroMQ certificates, which other ZeroMQ programs read too."""
    rows = ["metadata", "curve", f'    public-key = "{public}"']
    if secret is not None:
        rows.append(f'    secret-key = "{secret}"')
    return "\n".join(rows) + "\n"


def _write(path: Path, text: str, mode: int) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with open(fd, "w") as file:
            file.write(text)
    except FileExistsError:
        raise KeysError(
            f"{path}: expected a file that does not exist yet, got one that does; keys are never "
            "replaced, as those who have them could not talk to the line any more: remove it "
            "first, or name another folder or client"
        ) from None
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from None


def _client_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected letters, digits, _ and -, got '{text}'")
    return text


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.keys",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="of the keys; made if it does not exist")
    parser.add_argument("--client", metavar="NAME", type=_client_name, help="make a client's keys")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    is_client = options.client is not None
    public_folder = options.folder / "clients" if is_client else options.folder
    try:
        paths = make_keys(options.client or "line", public_folder, options.folder)
    except KeysError as error:
        print(one_line(f"error: {error}"), file=sys.stderr)
        return 2
    print(f"public: {one_line(paths[0])}\nsecret: {one_line(paths[1])}")
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
