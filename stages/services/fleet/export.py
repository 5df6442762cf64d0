"""Writes the events of a fleet into a Parquet file, for DuckDB, pandas and others.

    python -m stages.services.fleet.export --parquet events.parquet --server tls://hub --user viewer
    python -m stages.services.fleet.export --parquet may.parquet --since 2026-05-01 --site hall

Each event is one row, and each is there once, by its `id`.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy

from pipeline.client.shown_text import one_line
from stages.services.fleet.arguments import fleet_name
from stages.services.fleet.operator import (
    OperatorError,
    add_server_options,
    ask,
    connected,
    run_command,
)
from stages.services.fleet.subjects import EVENTS

_SILENCE_S = 30.0
_COLUMNS = {
    "id": "VARCHAR", "site": "VARCHAR", "board": "VARCHAR", "host": "VARCHAR", "run": "VARCHAR",
    "camera": "VARCHAR", "seq": "BIGINT", "kind": "VARCHAR", "track_id": "BIGINT",
    "label": "VARCHAR", "score": "DOUBLE", "region": "VARCHAR", "direction": "VARCHAR",
    "reason": "VARCHAR", "seconds": "DOUBLE", "count": "BIGINT", "inside": "BIGINT",
    "frame_id": "BIGINT", "captured_unix_ns": "BIGINT",
}  # fmt: skip
# `epoch_ns` of DuckDB would need nanoseconds as a timestamp; microseconds are enough for a clock.
_WRITE = """
COPY (
    SELECT DISTINCT ON (id) * EXCLUDE (captured_unix_ns),
        make_timestamp(captured_unix_ns // 1000) AS captured_at, captured_unix_ns
    FROM read_json($events, format = 'newline_delimited', columns = {columns})
    ORDER BY site, board, camera, captured_unix_ns, seq
) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""


def check_package() -> None:
    """Raises OperatorError when the extra is not installed."""
    if find_spec("duckdb") is None:
        raise OperatorError(
            "export: expected duckdb, which is not installed: pip install "
            "'thunderline[fleet-export]', or here: pip install --editable '.[fleet-export]'"
        )


def parse_since(text: str | None) -> datetime | None:
    """A day or a time; UTC where it does not say. Raises OperatorError."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(
            f"--since: expected a time such as 2026-05-01T06:00:00+02:00, got '{text}'"
        ) from None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


async def fetch(client: Client, site: str | None, since: datetime | None, to: IO[bytes]) -> int:
    """Write what the stream has now, one line each; returns how many. Raises OperatorError."""
    subject = f"tl.{site or '*'}.>"
    last = int((await ask(client, f"STREAM.INFO.{EVENTS}"))["state"]["last_seq"])
    policy = DeliverPolicy.ALL if since is None else DeliverPolicy.BY_START_TIME
    config = ConsumerConfig(deliver_policy=policy, opt_start_time=since)
    subscription = await client.jetstream().subscribe(
        subject, stream=EVENTS, ordered_consumer=True, config=config
    )
    count = 0
    try:
        if not (await subscription.consumer_info()).num_pending and not subscription.pending_msgs:
            return 0
        while True:
            message = await subscription.next_msg(_SILENCE_S)
            told = message.metadata
            if told.sequence.stream > last:
                return count
            to.write(message.data + b"\n")
            count += 1
            if told.num_pending == 0:
                return count
    finally:
        await subscription.unsubscribe()


def write_parquet(events: Path, target: Path) -> int:
    """From lines of JSON to a file that takes the place of the old one; returns its rows."""
    import duckdb  # beside 100 MB of memory, which the other commands need not have

    new = target.with_name(f".{target.name}.{os.getpid()}")
    columns = "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in _COLUMNS.items()) + "}"
    query = _WRITE.format(columns=columns, target=str(new).replace("'", "''"))
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as database:
            database.execute(query, {"events": str(events)})
            count = database.execute("SELECT count(*) FROM read_parquet(?)", [str(new)]).fetchone()
        new.replace(target)
    except (duckdb.Error, OSError) as error:
        new.unlink(missing_ok=True)
        raise OperatorError(f"{target}: {str(error).splitlines()[0]}") from None
    return int(count[0]) if count else 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.services.fleet.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parquet", required=True, type=Path, help="the file to be written")
    parser.add_argument("--site", type=fleet_name, help="this one alone")
    parser.add_argument("--since", help="stored at the hub since then")
    add_server_options(parser)
    return parser


async def work(options: argparse.Namespace) -> int:
    check_package()
    since = parse_since(options.since)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        async with connected(options) as client:
            fetched = await fetch(client, options.site, since, file)
        file.flush()
        rows = write_parquet(Path(file.name), options.parquet)
    doubles = fetched - rows
    print(
        f"{one_line(options.parquet)}: {rows} events"
        + (f", {doubles} doubles left out" if doubles else "")
    )
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    return run_command(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
