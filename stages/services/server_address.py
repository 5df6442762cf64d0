"""Addresses of servers outside, as people write them in the configuration."""

import re
from typing import NamedTuple

from pipeline.service import ServiceError
from stages.services.key_names import name_key

_HOST = r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))(?::(?P<port>\d{1,5}))?/?"


class Address(NamedTuple):
    """Of a server. `scheme` says whether the connection is encrypted."""

    host: str
    port: int
    is_encrypted: bool
    scheme: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class AddressForm(NamedTuple):
    """What may be written for one kind of server; without a scheme it is the plain one."""

    section: str | None  # of the configuration; OPTIONS: of a command
    key: str  # in it
    plain: str
    encrypted: str
    plain_port: int
    encrypted_port: int
    password_variable: str

    def parse(self, text: str) -> Address:
        """Raises ServiceError, which does not show what may be a password."""
        where = name_key(self.section, self.key)
        if "@" in text:
            user, file = (name_key(self.section, key) for key in ("user", "password_file"))
            raise ServiceError(
                f"{where}: expected an address without user and password, which are {user}, and "
                f"{file} or {self.password_variable} in the environment"
            )
        scheme = f"(?:(?P<scheme>{self.plain}|{self.encrypted})://)?"
        found = re.fullmatch(scheme + _HOST, text)
        is_encrypted = found is not None and found["scheme"] == self.encrypted
        default = self.encrypted_port if is_encrypted else self.plain_port
        port = int((found and found["port"]) or default)
        if found is None or not 1 <= port <= 65_535:
            raise ServiceError(
                f"{where}: expected HOST or HOST:PORT, after {self.plain}:// or "
                f"{self.encrypted}:// if there is a scheme, got '{text}'"
            )
        shown = self.encrypted if is_encrypted else self.plain
        return Address(found["ipv6"] or found["host"], port, is_encrypted, shown)
