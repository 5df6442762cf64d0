"""What the references of a configuration stand for.

They are looked up when a line is planned: at its start, and whenever its configuration is read
again. What is written, shown and compared with the file is the configuration as it was written.
"""

import os
from pathlib import Path

from pipeline.config_file import ConfigError
from pipeline.credentials.references import Reference, fill, has_references
from pipeline.redact import learn, learn_secrets
from stages.config import REFERRING, LineConfig
from stages.line.configuration.config_path import KeyPath, show_path
from stages.line.configuration.marks import change_config

_CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd.exec(5)
_MOST_BYTES = 8192


def resolve_references(config: LineConfig) -> LineConfig:
    """The configuration with what its references stand for. `redact` hides that from now on.

    Raises:
        ConfigError: a reference leads nowhere, or is none.
    """
    return change_config(config, dict.fromkeys(REFERRING, _resolve))


def refuse_new_references(config: LineConfig, known: LineConfig) -> None:
    """Refuse texts with references that are not in the known configuration as they are.

    Who may change a line over HTTP could otherwise have any file sent to an address of his.

    Raises:
        ConfigError: there is one.
    """
    texts = {text for _, text in _find_referring(known)}
    for path, text in _find_referring(config):
        if text not in texts:
            raise ConfigError(
                f"{show_path(path)}: expected no ${{...}} but those that are in force: others are "
                "taken from the configuration file alone"
            )


def _find_referring(config: LineConfig) -> list[tuple[KeyPath, str]]:
    """The texts with references, each with its place."""
    found: list[tuple[KeyPath, str]] = []

    def look(path: KeyPath, text: str) -> str:
        if has_references(text):
            found.append((path, text))
        return text

    change_config(config, dict.fromkeys(REFERRING, look))
    return found


def _resolve(path: KeyPath, text: str) -> str:
    if not has_references(text):
        return text
    where = show_path(path)
    try:
        filled = fill(text, lambda reference: _look_up(where, reference))
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    learn(filled.text)
    learn_secrets(filled.secrets)
    return filled.text


def _look_up(where: str, reference: Reference) -> str:
    """The value; it is part of one line. Raises ConfigError."""
    if reference.kind == "variable":
        value = os.environ.get(reference.what, "")
        if not value:
            raise ConfigError(
                f"{where}: {reference}: expected a variable {reference.what} in the environment, "
                f"got {'an empty one' if reference.what in os.environ else 'none'}"
            )
    else:
        value = _read(where, reference)
    if any(character in value for character in "\0\r\n"):
        raise ConfigError(f"{where}: {reference}: expected one line, got several")
    return value


def _read(where: str, reference: Reference) -> str:
    path = Path(os.path.expanduser(reference.what))
    if reference.kind == "credential":
        path = _credential(where, reference)
    try:
        with path.open("rb") as file:
            read = file.read(_MOST_BYTES + 1)
        value = read.decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "expected UTF-8"
        raise ConfigError(f"{where}: {reference}: {reason} ({path})") from None
    if not value or len(read) > _MOST_BYTES:
        got = "nothing" if not value else "more"
        raise ConfigError(
            f"{where}: {reference}: expected 1 to {_MOST_BYTES} bytes, got {got} ({path})"
        )
    return value


def _credential(where: str, reference: Reference) -> Path:
    """The file of a credential of systemd."""
    folder = os.environ.get(_CREDENTIALS)
    if folder is None:
        raise ConfigError(
            f"{where}: {reference}: expected to be a service of systemd that has this credential, "
            f"got no {_CREDENTIALS} in the environment"
        )
    if "/" in reference.what or reference.what in (".", ".."):
        raise ConfigError(f"{where}: {reference}: expected the name of a credential")
    return Path(folder) / reference.what
