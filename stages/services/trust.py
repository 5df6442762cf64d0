"""Which servers a service believes, of those that show a certificate."""

import ssl


def trust(ca_file: str | None) -> ssl.SSLContext:
    """For a client that checks the server's certificate and name, alike with every Python.

    From Python 3.13 on, `ssl.create_default_context` also refuses authorities that do not say what
    their key is for. `openssl req -x509` makes such, and so brokers and fleets at home have them:
    an update of Python must not end their connections.

    Args:
        ca_file: authorities in PEM; those of the machine without it.

    Raises:
        OSError: the file cannot be read, or holds no certificates (`ssl.SSLError`).
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
