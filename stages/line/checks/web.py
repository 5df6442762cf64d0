"""What of the section `web` no service could serve."""

from pathlib import Path

from pipeline.config_file import ConfigError
from stages.config import WebConfig
from stages.services.web.address import bind, check_packages, load_certificate, parse_listen
from stages.services.web.tokens import check_tokens


def check_web(web: WebConfig) -> None:
    """Refuse what the service could not serve, or what would let in strangers."""
    check_packages()
    address = parse_listen(web.listen)
    if not address.is_loopback and web.token_file is None:
        raise ConfigError(
            f"web.token_file: expected a file where web.listen is not of this machine only "
            f"({web.listen}): whoever may look needs its token; it is made if it is not there"
        )
    load_certificate(web.certificate, web.key)
    if web.token_file is not None:
        check_tokens(Path(web.token_file))


def check_listen(listen: str) -> None:
    """Listen there for a moment. Raises ServiceError."""
    bind(parse_listen(listen)).close()


def port_of(web: WebConfig | None) -> int | None:
    return None if web is None else parse_listen(web.listen).port
