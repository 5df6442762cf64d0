"""Which clients receive messages from a line that encrypts."""

import contextlib
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pipeline.client import DetectionSubscriber, KeyFileError
from pipeline.errors import LineError
from pipeline.keys import make_keys
from pipeline.links.authenticator import Authenticator, ServerKeys
from pipeline.links.broadcast import Broadcast
from tests.pipeline.messages import make_message, publish
from tests.ports import free_port
from tests.running_line import wait_until


class Keys:
    """Files as `python -m pipeline.keys` makes them: of the line, of a client and of a stranger."""

    def __init__(self, folder: Path) -> None:
        self.clients = folder / "clients"
        self.line_public, self.line_secret = make_keys("line", folder, folder)
        self.office_public, self.office = make_keys("office", self.clients, folder)
        self.stranger_public, self.stranger = make_keys("stranger", folder, folder)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def endpoint() -> str:
    return f"tcp://127.0.0.1:{free_port()}"


@contextlib.contextmanager
def serve(endpoint: str, keys: ServerKeys | None) -> Iterator[Broadcast]:
    broadcast = Broadcast(endpoint, ["det.yard", "status.yard"], keys)
    yield broadcast
    broadcast.close()


@pytest.fixture
def closed_line(endpoint: str, keys: Keys) -> Iterator[Broadcast]:
    """A line that lets in only the client `office`."""
    with serve(endpoint, ServerKeys(keys.line_secret, keys.clients)) as broadcast:
        yield broadcast


def count_until(line: Broadcast, wanted: DetectionSubscriber, *others: DetectionSubscriber) -> int:
    """Serve until `wanted` has five messages; returns how many the others have by then."""
    numbers = itertools.count()
    found = {subscriber: 0 for subscriber in (wanted, *others)}

    def enough() -> bool:
        publish(line, make_message(next(numbers)))
        line.welcome()
        for subscriber in found:
            found[subscriber] += sum(1 for _ in subscriber)
        return found[wanted] >= 5

    wait_until(enough, "messages arrive")
    return sum(found[other] for other in others)


def is_refused(line: Broadcast, said: list[str]) -> bool:
    line.welcome()
    return bool(said)


def test_only_a_known_client_gets_messages(
    endpoint: str, keys: Keys, closed_line: Broadcast, said: list[str]
) -> None:
    line_key = keys.line_public
    with (
        DetectionSubscriber(
            endpoint, timeout_s=0.01, server_key=line_key, key=keys.office
        ) as known,
        DetectionSubscriber(endpoint, timeout_s=0.01, server_key=line_key, key=keys.stranger) as a,
        DetectionSubscriber(endpoint, timeout_s=0.01, server_key=line_key) as b,
        DetectionSubscriber(endpoint, timeout_s=0.01) as c,
        DetectionSubscriber(
            endpoint, timeout_s=0.01, server_key=keys.stranger_public, key=keys.office
        ) as d,
    ):
        assert count_until(closed_line, known, a, b, c, d) == 0
    assert set(said) == {f"publish.clients: no key in {keys.clients} fits 127.0.0.1"}
    assert len(said) == 2  # once for each key, however often it tries


def test_without_a_folder_of_clients_the_line_s_key_is_enough(endpoint: str, keys: Keys) -> None:
    with (
        serve(endpoint, ServerKeys(keys.line_secret)) as line,
        DetectionSubscriber(endpoint, timeout_s=0.01, server_key=keys.line_public) as unknown,
        DetectionSubscriber(endpoint, timeout_s=0.01) as plain,
    ):
        assert count_until(line, unknown, plain) == 0


def test_a_key_counts_as_soon_as_it_is_added(
    endpoint: str, keys: Keys, closed_line: Broadcast, said: list[str]
) -> None:
    with DetectionSubscriber(
        endpoint, timeout_s=0.01, server_key=keys.line_public, key=keys.stranger
    ) as stranger:
        wait_until(partial(is_refused, closed_line, said), "it is refused")
    keys.stranger_public.rename(keys.clients / "new.key")
    with DetectionSubscriber(
        endpoint, timeout_s=0.01, server_key=keys.line_public, key=keys.stranger
    ) as stranger:
        assert count_until(closed_line, stranger) == 0


def test_a_client_whose_key_was_removed_is_refused(
    endpoint: str, keys: Keys, closed_line: Broadcast, said: list[str]
) -> None:
    keys.office_public.unlink()
    with DetectionSubscriber(
        endpoint, timeout_s=0.01, server_key=keys.line_public, key=keys.office
    ) as former:
        wait_until(partial(is_refused, closed_line, said), "it is refused")
        publish(closed_line, make_message())
        assert former.receive() is None


def test_a_file_that_is_no_key_is_named_and_other_clients_get_in(
    endpoint: str, keys: Keys, closed_line: Broadcast, said: list[str]
) -> None:
    (keys.clients / "bad.key").write_text("half a k")
    with DetectionSubscriber(
        endpoint, timeout_s=0.01, server_key=keys.line_public, key=keys.office
    ) as known:
        assert count_until(closed_line, known) == 0
    assert said == [
        f"publish.clients: {keys.clients}/bad.key: "
        "expected a public-key made by python -m pipeline.keys"
    ]


def test_files_that_are_not_as_they_must_be_are_refused(keys: Keys, tmp_path: Path) -> None:
    keys.line_secret.chmod(0o644)
    with pytest.raises(LineError, match=r"publish.secret_key: .* only its owner may read"):
        ServerKeys(keys.line_secret).socket_options()
    keys.line_secret.chmod(0o600)
    with pytest.raises(LineError, match=rf"publish.clients: {tmp_path}/none: expected a folder"):
        ServerKeys(keys.line_secret, tmp_path / "none").socket_options()
    (keys.clients / "bad.key").write_text("")
    with pytest.raises(LineError, match=r"publish.clients: .*/bad.key: expected a public-key"):
        ServerKeys(keys.line_secret, keys.clients).socket_options()


def test_a_client_s_key_without_the_line_s_is_refused(keys: Keys, endpoint: str) -> None:
    with pytest.raises(KeyFileError, match="only with that of the line"):
        DetectionSubscriber(endpoint, key=keys.office)


def test_its_address_is_free_again_as_soon_as_it_is_closed(tmp_path: Path) -> None:
    for _ in range(500):
        Authenticator(tmp_path).close()
