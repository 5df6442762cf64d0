"""A certificate as cameras have it, and streams that are closed after each test."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stages.readers.rtsp.stream import RtspStream

OpenStream = Callable[..., RtspStream]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate in one file, signed by itself and for another name."""
    folder = tmp_path_factory.mktemp("tls")
    key, signed, both = folder / "key.pem", folder / "signed.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=camera.invalid", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + signed.read_bytes())
    return both


@pytest.fixture
def open_stream() -> Iterator[OpenStream]:
    opened: list[RtspStream] = []

    def make(uri: str, transport: str = "tcp", silence_s: float = 10.0) -> RtspStream:
        stream = RtspStream(uri, transport=transport, silence_s=silence_s)
        opened.append(stream)
        stream.open()
        return stream

    yield make
    for stream in opened:
        stream.close()
