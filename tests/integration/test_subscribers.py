"""Programs outside the line: what they receive, and what they cannot break."""

import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import msgspec
import zmq

from pipeline.client import DetectionMessage, DetectionSubscriber, StatusMessage
from pipeline.topology import LinkKind
from stages.graph import STAGES
from tests.clips import is_of_frame, make_clip
from tests.conftest import StartLine
from tests.integration.line_sources import endless
from tests.ports import free_port
from tests.running_line import PATIENCE_S, wait_until


def test_the_command_line_client_prints_what_the_line_finds(
    start_line: StartLine, tmp_path: Path
) -> None:
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "pipeline.client", endpoint, "--json"]
    command += ["--timeout", str(PATIENCE_S)]  # ends the loop below, too
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip), "--set", f"publish.endpoint={endpoint}")
    found: dict[int, DetectionMessage] = {}  # the last one comes again to a new subscriber
    with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        for text in client.stdout:
            message = msgspec.json.decode(text, type=DetectionMessage | StatusMessage)
            if isinstance(message, DetectionMessage):
                found[message.seq] = message
                if len(found) == 20:
                    line.process.terminate()
            elif message.state == "ended":
                break
        client.terminate()
    assert line.wait() == 0, line.stderr
    assert len(found) >= 20
    assert list(found.values()) == line.messages()[-len(found) :]  # it came after the first ones
    assert all(is_of_frame(m, m.frame_id % 16) for m in found.values())


def test_a_late_subscriber_learns_the_state_of_each_camera(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip))
    line.wait_for_messages(10)
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, ["cam0"], timeout_s=PATIENCE_S, patience_s=None) as late:
        states = [m for m in (late.receive() for _ in range(5)) if isinstance(m, StatusMessage)]
    assert [m.state for m in states] == ["live"]


UNREADABLE = (
    "rtsp://admin:S3cr/etXYZ@127.0.0.1:1/s",
    "rtsp://admin:S3cr#etXYZ@127.0.0.1:1/s",
    "rtsp://admin:S3cr?etXYZ@127.0.0.1:1/s",
    "rtsp://admin:S3cr etXYZ@127.0.0.1:1/s",
    "rtsp://admin:S3cr%20etXYZ@127.0.0.1:1/s",
    "rtsp://S3cr/etXYZ@127.0.0.1:1/s",
    "http://127.0.0.1:1/videostream.cgi?loginuse=admin&loginpas=S3cretXYZ",
    "http://127.0.0.1:1/api?cmd=Snap&user=a&psw=S3cretXYZ",
    "rtsp://127.0.0.1:1/user=admin_password=S3cretXYZ_channel=1_stream=0.sdp",
)


def test_no_password_of_an_address_comes_out_of_a_line(start_line: StartLine) -> None:
    sources = [argument for address in UNREADABLE for argument in ("--source", address)]
    line = start_line(*sources, "--set", "log=DEBUG")
    whys: dict[str, str] = {}
    endpoint = f"ipc://{line.jsonl.parent}/pub"
    with DetectionSubscriber(endpoint, timeout_s=PATIENCE_S, patience_s=None) as subscriber:
        while len(whys) < len(UNREADABLE):
            message = subscriber.receive()
            assert isinstance(message, StatusMessage)
            if message.why:
                whys[message.camera] = message.why
    command = Path(f"/proc/{line.process.pid}/cmdline").read_text()
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert all("***" in why for why in whys.values()), whys
    for text in (line.stdout, line.stderr, command, *whys.values()):
        assert "S3cr" not in text
        assert "etXYZ" not in text


def test_hostile_bytes_at_the_published_socket_do_no_harm(
    start_line: StartLine, tmp_path: Path
) -> None:
    port = free_port()
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip), "--set", f"publish.endpoint=tcp://127.0.0.1:{port}")
    line.wait_for_messages(3)
    send_raw_bytes(port)
    send_as_publisher(port)
    line.wait_for_more(20)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert "started again" not in line.stdout


def send_raw_bytes(port: int) -> None:
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
    for data in (b"GET / HTTP/1.1\r\n\r\n", greeting + os.urandom(4096), b"\xff" * 100_000):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(data)


def send_as_publisher(port: int) -> None:
    """Well-formed ZeroMQ with content that no subscriber sends."""
    peer: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XSUB)
    peer.setsockopt(zmq.LINGER, 1000)
    peer.connect(f"tcp://127.0.0.1:{port}")
    for parts in ([b""], [b"\x01"], [b"\x01" + os.urandom(500)], [b"a", b"", b"b"], [b"\x02" * 9]):
        peer.send_multipart(parts)
    peer.send(b"\x01" + struct.pack(">Q", 2**63) * 1000)
    peer.close()


def test_hostile_bytes_at_the_inner_sockets_do_no_harm(
    start_line: StartLine, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 16)
    line = start_line(*endless(clip), "--set", f"record.video={tmp_path}/out.mp4")
    line.wait_for_messages(3)
    expected = {
        f"{row.name}.ipc" if row.link is LinkKind.STREAM else f"{row.reads}-{row.name}.ipc"
        for row in STAGES
        if row.reads is not None and row.name in line.processes
    }

    def addresses() -> list[Path]:
        return sorted(line.run_dir().glob("*.ipc"))

    wait_until(lambda: {path.name for path in addresses()} == expected, "all stages listen")
    refs = [
        [99, 1, 0, 1, 0, 0, True],  # no such camera
        [0, 1, 99, 1, 0, 0, True],  # no such slot
        [0, 9, 0, 1, 0, 0, True],  # no such epoch
        [-1, 1, -1, -1, -1, 0, True],  # below all limits
        [0, 1, 2**62, 1, 0, 0, False],
        [2**64 - 1] * 6 + [True],  # more than the ledger can hold
    ]
    for address in addresses():
        kind = zmq.DEALER if "-" in address.name else zmq.PUSH
        peer: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        peer.setsockopt(zmq.LINGER, 1000)
        peer.connect(f"ipc://{address}")
        for parts in ([b""], [b"x", b"y", b"z"], [os.urandom(300)], [b"\x93\x01\x02", b""]):
            peer.send_multipart(parts)
        for ref in refs:
            peer.send(msgspec.msgpack.encode([ref, None]))
        peer.close()
    line.wait_for_more(20)
    line.process.terminate()
    assert line.wait() == 0, line.stderr
    assert "started again" not in line.stdout, line.stderr
    assert "inner link: expected one of 1 cameras, got number 99" in line.stderr
    assert "inner link: no frame reference and body (300 bytes)" in line.stderr
    assert "inner link: expected a receiver's report" in line.stderr
    assert [m.frame_id for m in line.messages()] == list(range(len(line.messages())))
