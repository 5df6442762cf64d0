"""Servers with certificates of an authority as `openssl req -x509` makes it."""

import ssl
from pathlib import Path

import pytest

from stages.services.trust import trust
from tests.deploy.fleet_servers import make_certificates


def shake_hands(folder: Path, host: str) -> None:
    """Of a client that trusts the authority of the folder and a server that it vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "hub.pem", folder / "hub.key")
    here, there = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trust(str(folder / "ca.pem")).wrap_bio(here, there, server_hostname=host)
    server = context.wrap_bio(there, here, server_side=True)
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, names=["hub"])
    return folder


def test_an_authority_need_not_say_what_its_key_is_for(certificates: Path) -> None:
    shake_hands(certificates, "localhost")


def test_names_are_checked(certificates: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(certificates, "other")


def test_another_authority_of_that_name_is_not_believed(certificates: Path, tmp_path: Path) -> None:
    make_certificates(tmp_path, names=[])
    for name in ("hub.pem", "hub.key"):
        (tmp_path / name).symlink_to(certificates / name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, "localhost")
