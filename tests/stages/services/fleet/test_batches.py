"""Events that wait go together, and one after the other where a stream does not take them so."""

import json
import shutil
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from stages.services.fleet.link import Link, Message
from stages.services.fleet.streams import Limits, alone_streams, make_stream
from stages.services.login import Login
from stages.services.server_address import Address
from tests.running_line import wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.servers import Server, running_server
from tests.stages.services.fleet.serving import serving
from tests.stages.services.hand_made_line import Line

SMALL = Limits(1, 0.1)


@pytest.fixture
def waiting(server: Server, line: Line, tmp_path: Path) -> Path:
    """An outbox in which 300 events wait for the server, which works now."""
    server.stop()
    outbox = tmp_path / "board-3.fleet"
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        line.happen(300)
    server.start()
    return outbox


def batches(server: Server) -> list[str | None]:
    """Of each event in the stream: the batch with which it came."""

    async def read(client: Client) -> list[str | None]:
        found = []
        for seq in range(1, 1 + len(server_events)):
            message = await client.jetstream().get_msg("tl_events", seq, direct=True)
            found.append((message.headers or {}).get("Nats-Batch-Id"))
        return found

    server_events = server.events()
    return server.do(read)


def test_what_waits_goes_together_and_in_order(
    waiting: Path, server: Server, line: Line, tmp_path: Path
) -> None:
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        found = server.wait_for_events(300)
    assert [each["seq"] for each in found] == list(range(300))
    assert len(set(batches(server))) < 10


def test_events_whose_answer_was_lost_are_there_once(
    waiting: Path, server: Server, line: Line, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copy(waiting, before)
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        server.wait_for_events(300)
    waiting.with_name(waiting.name + "-wal").unlink(missing_ok=True)
    shutil.copy(before, waiting)  # nothing is known of an answer
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        line.happen(50)
        found = server.wait_for_events(350)
    assert [each["seq"] for each in found] == list(range(350))


def test_a_stream_that_takes_no_batches_has_all_in_order_and_it_is_said_once(
    waiting: Path, server: Server, line: Line, tmp_path: Path, said: list[str]
) -> None:
    events, *_ = alone_streams(SMALL)
    alone = {**events, "allow_atomic": False}
    server.do(lambda client: make_stream(client, alone, update=True))
    with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
        server.wait_for_events(300)
        server.stop()
        line.happen(20)
        server.start()
        found = server.wait_for_events(320)
    assert [each["seq"] for each in found] == list(range(320))
    assert set(batches(server)) == {None}
    slow = [text for text in said if "one event after the other" in text]
    assert len(slow) == 1
    assert "python -m stages.services.fleet.streams --update" in slow[0]


def test_one_that_is_too_large_for_the_server_stops_no_other(
    line: Line, tmp_path: Path, said: list[str]
) -> None:
    """By its header alone: a server ends the connection of whoever sends more than it takes."""
    with running_server(tmp_path / "s", "max_payload: 1000") as server:
        server.make_streams(*alone_streams(SMALL))
        with serving(line.run_dir, make_fleet_options(tmp_path, server.port)):
            for size in range(400, 700, 10):
                line.happen(kind="zone_enter", region="l" * size)
            line.happen(5)
            wait_until(lambda: server.count("tl_events") >= 5, "the small ones come")
            wait_until(lambda: any("given up" in text for text in said), "it is said")
            seqs = [each["seq"] for each in server.wait_for_events(6)]
    assert seqs == sorted(seqs)
    assert seqs[-5:] == list(range(30, 35))
    assert 5 < len(seqs) < 35
    assert not any("the connection is lost" in text for text in said)


def test_a_server_that_knows_no_batches_is_found_out(tmp_path: Path) -> None:
    """It keeps each message as if it had come alone, and answers for the last one."""

    async def send(client: Client) -> tuple[bool, bool]:
        async def answer(message: Msg) -> None:
            if message.reply:
                await client.publish(message.reply, json.dumps({"stream": "s", "seq": 3}).encode())

        await client.subscribe("tl.>", cb=answer)
        await client.flush()
        link = Link("_INBOX.a.b")
        address = Address("127.0.0.1", server.port, is_encrypted=False, scheme="nats")
        await link.open(address, Login(None, None), None, name="test", keepalive_s=5)
        try:
            taken = await link.store_all([Message(f"tl.{i}", b"x", f"{i}") for i in range(3)])
        finally:
            await link.close()
        return taken, link.takes_batches

    with running_server(tmp_path / "s", "jetstream: disabled") as server:
        assert server.do(send) == (False, False)
