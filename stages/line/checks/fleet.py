"""What of the section `fleet` no service could use."""

from stages.config import FleetConfig
from stages.services.fleet.address import check_package, load_tls, parse_server, read_login
from stages.services.login import TlsFiles


def check_fleet(fleet: FleetConfig) -> None:
    """Refuse what the service could not use; the server itself is not called."""
    check_package()
    files = TlsFiles(fleet.ca, fleet.certificate, fleet.key)
    load_tls(parse_server(fleet.server), files)
    read_login(fleet.user, fleet.password_file)
