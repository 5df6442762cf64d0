"""The servers of `deploy/nats`, started as they are: with TLS, users, and ports of their own."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stages.services.fleet.streams import Limits, hub_streams, leaf_streams
from tests.ports import free_port
from tests.running_line import REPOSITORY
from tests.stages.services.fleet.servers import Server

FILES = REPOSITORY / "deploy" / "nats"
PASSWORDS = {
    name: "secret"
    for name in (
        "ADMIN_PASSWORD", "OPERATOR_PASSWORD", "VIEWER_PASSWORD", "SITE_HALL_PASSWORD",
        "SITE_YARD_PASSWORD", "BOARD_1_PASSWORD", "BOARD_2_PASSWORD",
    )
}  # fmt: skip
SMALL = Limits(1, 0.05)


def make_certificates(folder: Path) -> None:
    """An authority, and certificates of the hub and the sites for 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=fleet")  # fmt: skip
    for name in ("hub", "hall", "yard"):
        _openssl(
            folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
            "-addext", "basicConstraints=critical,CA:FALSE",
        )  # fmt: skip


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Deployed(Server):
    """One server with the files of `deploy/nats`; `changes` are made in the text of each."""

    def __init__(
        self, folder: Path, name: str, tls: Path, changes: Mapping[str, str], hub_url: str = ""
    ) -> None:
        folder.mkdir(parents=True)
        (folder / "tls").symlink_to(tls)
        for file in FILES.glob(f"{name}*.conf"):
            (folder / file.name).write_text(_change(file.read_text(), changes, file.name))
        self.ca = tls / "ca.pem"
        super().__init__(
            folder,
            (folder / f"{name}.conf").read_text(),
            user="admin",
            environment=PASSWORDS | {"HUB_URL": hub_url},
        )

    def arguments(self, user: str = "admin") -> list[str]:
        login = ["--user", user, "--password-file", f"{self.folder}/password"]
        return ["--server", f"tls://127.0.0.1:{self.port}", "--ca", str(self.ca), *login]


def _change(text: str, changes: Mapping[str, str], name: str) -> str:
    for old, new in changes.items():
        if name.endswith("users.conf") and old not in text:
            continue
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    return text


class Fleet:
    """A hub and the sites `hall` and `yard`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        make_certificates(folder / "tls")
        self.leaf_port = free_port()
        self._folder = folder
        changes = {"http: 127.0.0.1:8222": "", "0.0.0.0:7422": f"127.0.0.1:{self.leaf_port}"}
        self.hub = self._begin(stack, "hub", "hub", changes)
        self.hall = self._begin(stack, "hall", "leaf", {"http: 127.0.0.1:8222": ""})
        renamed = {"http: 127.0.0.1:8222": "", "hall": "yard"}
        self.yard = self._begin(stack, "yard", "leaf", renamed)

    def make_streams(self) -> None:
        self.hall.make_streams(*leaf_streams("hall", SMALL))
        self.yard.make_streams(*leaf_streams("yard", SMALL))
        self.hub.make_streams(*hub_streams(["hall", "yard"], SMALL))

    def _begin(
        self, stack: ExitStack, site: str, name: str, changes: Mapping[str, str]
    ) -> Deployed:
        hub_url = f"tls://site_{site}:secret@127.0.0.1:{self.leaf_port}"
        server = Deployed(self._folder / site, name, self._folder / "tls", changes, hub_url)
        stack.callback(server.stop)
        return server


@contextmanager
def running_fleet(folder: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        fleet = Fleet(folder, stack)
        fleet.make_streams()
        yield fleet
