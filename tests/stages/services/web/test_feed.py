"""Messages are received while somebody wants them, and no longer."""

import asyncio
from pathlib import Path

import pytest

from stages.services.web import feed as module
from stages.services.web.feed import Feed, Heard
from tests.pipeline.test_service import make_context, sending
from tests.running_line import PATIENCE_S


def run(short_dir: Path, *, linger_s: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Cameras that two listeners, one after the other, have heard of."""
    monkeypatch.setattr(module, "LINGER_S", linger_s)
    feed = Feed(make_context(short_dir, cameras=("yard", "gate")))
    heard: asyncio.Queue[Heard] = asyncio.Queue()

    async def listen() -> list[str]:
        assert not feed.is_receiving, "nobody listens"
        with feed.listening(heard.put_nowait):
            first = [(await heard.get()).message.camera for _ in range(2)]
            assert feed.is_receiving
            assert {each.message.camera for each in feed.lasts} == {"yard", "gate"}
        while feed.is_receiving and linger_s < 1:
            await asyncio.sleep(0.01)
        feed.check()
        known = list(feed.lasts)
        await feed.close()
        return [*sorted(first), *sorted(each.message.camera for each in known)]

    with sending(short_dir):
        return asyncio.run(asyncio.wait_for(listen(), PATIENCE_S))


def test_reception_ends_when_nobody_listens_any_more(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(short_dir, linger_s=0, monkeypatch=monkeypatch) == ["gate", "yard"]


def test_reception_goes_on_for_a_while(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = run(short_dir, linger_s=PATIENCE_S, monkeypatch=monkeypatch)
    assert heard == ["gate", "yard", "gate", "yard"]


def test_a_listener_that_fails_is_not_swallowed(short_dir: Path) -> None:
    def fail(_heard: Heard) -> None:
        raise RuntimeError("a defect")

    async def listen() -> None:
        feed = Feed(make_context(short_dir))
        with feed.listening(fail):
            while feed.is_receiving:
                await asyncio.sleep(0.01)
        with pytest.raises(RuntimeError, match="a defect"):
            feed.check()

    with sending(short_dir):
        asyncio.run(asyncio.wait_for(listen(), PATIENCE_S))
