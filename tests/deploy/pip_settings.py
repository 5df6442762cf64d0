"""How this machine's pip reaches its index, for a pip that runs elsewhere on this machine."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_OF_THE_NETWORK = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")
_DEBIANS = "/etc/ssl/certs/ca-certificates.crt"
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class PipSettings(NamedTuple):
    """A file of settings, and the certificate authorities that it is to be used with."""

    conf: Path
    authorities: Path


def write_settings(folder: Path, authorities_at: str) -> PipSettings:
    """Write what pip has been told of the network, by its files and the environment.

    Args:
        folder: for the file.
        authorities_at: where the authorities will lie for the other pip.
    """
    told = _read()
    lines = [f"{key} = {told[key]}" for key in _OF_THE_NETWORK if told.get(key)]
    conf = folder / "pip.conf"
    conf.write_text("\n".join(["[global]", f"cert = {authorities_at}", *lines, ""]))
    return PipSettings(conf, Path(told.get("cert") or _find_bundle()))


def _read() -> dict[str, str]:
    """Settings by name; those of the environment come before those of files, as for pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    found: dict[str, str] = {}
    for line in subprocess.check_output(command, text=True).splitlines():
        name, _, value = line.partition("=")
        place, _, key = name.rpartition(".")
        words = str(ast.literal_eval(value)).split()
        remote = " ".join(word for word in words if not word.startswith("file:"))
        if place == ":env:" or key not in found:
            found[key] = " ".join(words) if key == "cert" else remote
    return found


def _find_bundle() -> str:
    told = [os.environ[name] for name in _BUNDLES if os.environ.get(name)]
    return told[0] if told else _DEBIANS
