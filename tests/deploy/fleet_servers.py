"""The servers of `deploy/nats`, started as they are: with TLS, users, and ports of their own."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
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


def make_certificates(
    folder: Path,
    names: Sequence[str] = ("hub", "hall", "yard"),
    addresses: Sequence[str] = ("127.0.0.1",),
    wrap: Sequence[str] = (),
) -> None:
    """An authority, and certificates of the hub and the sites for these addresses.

    They are valid for 60 days, from the time that a command sees which begins with `wrap`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-days", "60")  # fmt: skip
    alternatives = ",".join([*(f"IP:{address}" for address in addresses), "DNS:localhost"])
    openssl = [*wrap, "openssl"]
    _run(folder, *openssl, *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=fleet")
    for name in names:
        _run(
            folder, *openssl, *new, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={alternatives}",
            "-addext", "basicConstraints=critical,CA:FALSE",
        )  # fmt: skip


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


class Deployed(Server):
    """One server with the files of `deploy/nats`; `changes` are made in the text of each."""

    def __init__(
        self,
        folder: Path,
        name: str,
        tls: Path,
        changes: Mapping[str, str],
        hub_url: str = "",
        enter: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True)
        (folder / "tls").symlink_to(tls)
        texts = {file.name: file.read_text() for file in FILES.glob(f"{name}*.conf")}
        for old, new in changes.items():
            assert any(old in text for text in texts.values()), f"no file of {name} has {old}"
            texts = {file: text.replace(old, new) for file, text in texts.items()}
        for file, text in texts.items():
            (folder / file).write_text(text)
        self.ca = tls / "ca.pem"
        super().__init__(
            folder,
            (folder / f"{name}.conf").read_text(),
            user="admin",
            environment=PASSWORDS | {"HUB_URL": hub_url},
            enter=enter,
        )

    def arguments(self, user: str = "admin") -> list[str]:
        login = ["--user", user, "--password-file", f"{self.folder}/password"]
        return ["--server", f"tls://127.0.0.1:{self.port}", "--ca", str(self.ca), *login]


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
