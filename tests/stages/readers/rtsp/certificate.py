"""A certificate as cameras have it."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path) -> Path:
    """Key and certificate in one file, signed by itself and for another name."""
    key, signed, both = folder / "key.pem", folder / "signed.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=camera.invalid", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + signed.read_bytes())
    return both
