"""The files of `deploy/nats`: what they let through, and what nobody may do with them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from stages.services.fleet import push, streams
from stages.services.fleet.operator import connected
from stages.services.fleet.sources import SourceWatch
from tests.deploy.fleet_servers import Deployed, Fleet, running_fleet
from tests.running_line import wait_until
from tests.stages.services.bare import make_fleet_options
from tests.stages.services.fleet.serving import serving
from tests.stages.services.hand_made_line import Line


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


def options_of(server: Deployed, board: str, folder: Path, **changed: object) -> dict[str, object]:
    return make_fleet_options(
        folder, server.port, server=f"tls://127.0.0.1:{server.port}", ca=str(server.ca),
        user=board, password_file=f"{server.folder}/password", board=board, **changed,
    )  # fmt: skip


async def denials(server: Deployed, user: str, work: Callable[[Client], Awaitable[object]]) -> str:
    """What the server has said against what a user did."""
    options = streams.make_parser().parse_args(["alone", *server.arguments(user)])
    said: list[str] = []

    async def hear(error: Exception) -> None:
        said.append(str(error))

    async with connected(options) as client:
        client._error_cb = hear
        await work(client)
        for _ in range(200):
            if any("violation" in text for text in said):
                break
            await asyncio.sleep(0.05)
    return " ".join(said)


def denied(server: Deployed, user: str, work: Callable[[Client], Awaitable[object]]) -> str:
    return asyncio.run(denials(server, user, work))


def test_what_a_board_tells_is_at_the_hub(fleet: Fleet, line: Line, tmp_path: Path) -> None:
    with serving(line.run_dir, options_of(fleet.hall, "board-1", tmp_path)):
        line.happen(20)
        wait_until(lambda: fleet.hub.count("tl_events") >= 20, "they are at the hub", pause_s=0.2)
        fleet.hub.wait_for_state("tl.hall.board-1.board")
    assert [each["seq"] for each in fleet.hub.events()] == list(range(20))
    assert fleet.yard.count("tl_events") == 0


FORBIDDEN = {
    "send for another board": ("tl.hall.board-2.yard.event", None),
    "send for another site": ("tl.yard.board-1.yard.event", None),
    "push to itself": ("$KV.tl_config.hall.board-1", None),
    "push to its site": ("$KV.tl_config.hall._site", None),
    "read the configuration of another": (
        "$JS.API.DIRECT.GET.KV_tl_config.$KV.tl_config.hall.board-2", None),
    "read the stream": ("$JS.API.STREAM.MSG.GET.tl_events", None),
    "make a consumer": ("$JS.API.CONSUMER.CREATE.tl_events.x", None),
    "empty a stream": ("$JS.API.STREAM.PURGE.tl_events", None),
    "reach the hub's API": ("$JS.hub.API.STREAM.INFO.tl_events", None),
    "hear another board": (None, "tl.hall.board-2.>"),
    "hear everything": (None, ">"),
    "hear the answers to another": (None, "_INBOX.hall.board-2.>"),
}  # fmt: skip


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_board_may_not(fleet: Fleet, what: str) -> None:
    subject, heard = FORBIDDEN[what]

    async def work(client: Client) -> None:
        if subject is not None:
            await client.publish(subject, b"{}")
        if heard is not None:
            await client.subscribe(heard)

    assert "permissions violation" in denied(fleet.hall, "board-1", work).lower()


@pytest.mark.parametrize("subject", ["$KV.tl_config.hall._site", "tl.hall.x.y.event",
                                     "$JS.API.STREAM.DELETE.tl_events"])  # fmt: skip
def test_a_viewer_changes_nothing(fleet: Fleet, subject: str) -> None:
    said = denied(fleet.hub, "viewer", lambda client: client.publish(subject, b"{}"))
    assert "permissions violation" in said.lower()


def test_a_site_sends_nothing_for_another_and_gets_no_configuration_of_it(fleet: Fleet) -> None:
    """Its administrator may do anything at home; at the hub its server is the user of the site."""
    before = fleet.hub.count("tl_events")

    async def forge(client: Client) -> None:
        for subject in ("tl.yard.board-1.yard.event", "$KV.tl_config.yard._site"):
            await client.publish(subject, b'{"forged": true}')
        await client.flush()

    fleet.hall.do(forge)
    revision = fleet.hub.do(lambda client: push.push(client, "yard._site", b"{}"))
    fleet.hub.do(lambda client: push.push(client, "hall._site", b"{}"))
    wait_until(lambda: fleet.hall.count("KV_tl_config") == 1, "hall has its own", pause_s=0.2)
    assert [subject for subject, _ in fleet.hall.stored("KV_tl_config")] == [
        "$KV.tl_config.hall._site"
    ]
    assert ("$KV.tl_config.yard._site", {}) in fleet.hub.stored("KV_tl_config")
    assert revision == 1  # what was forged is not in the bucket
    assert fleet.hub.count("tl_events") == before


def test_an_operator_pushes_and_a_strangers_password_is_refused(
    fleet: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "patch.yaml"
    patch.write_text("{track: {lost_s: 3}}")
    common = ["hall", str(patch), "--board", "board-2", "--wait", "0"]
    assert push.main([*common, *fleet.hub.arguments("operator")]) == 0
    assert "hall.board-2: revision" in capsys.readouterr().out
    assert push.main([*common, *fleet.hub.arguments("stranger")]) == 2
    assert "the server refuses user and password" in capsys.readouterr().err


def test_a_server_without_a_trusted_certificate_is_told_nothing(
    fleet: Fleet, line: Line, tmp_path: Path, said: list[str]
) -> None:
    options = {**options_of(fleet.hall, "board-1", tmp_path), "ca": None}
    with serving(line.run_dir, options):
        wait_until(lambda: bool(said), "it is said")
    assert "its certificate is not trusted" in said[0]


def test_a_source_that_sleeps_after_the_hubs_restart_is_woken(
    fleet: Fleet, line: Line, tmp_path: Path
) -> None:
    """Without it, the hub stays silent for 40 seconds."""
    fleet.hub.stop()
    fleet.hub.start()
    before = fleet.hub.count("tl_events")
    with serving(line.run_dir, options_of(fleet.hall, "board-1", tmp_path)):
        line.happen(5, run="after")
        woken: list[str] = []
        watch = SourceWatch()

        def caught_up() -> bool:
            woken.extend(fleet.hub.do(watch.look))
            return fleet.hub.count("tl_events") >= before + 5

        wait_until(caught_up, "they are at the hub", pause_s=0.5)
    assert any("tl_events: $JS.hall.API: woken" in each for each in woken)
    found = [each["seq"] for each in fleet.hub.events() if each["run"] == "after"]
    assert found == list(range(5))
