"""A fleet on one machine: what arrives at the hub while everything fails, and what it costs.

    python -m tests.fleet.simulation --sites 10 --boards 20 --minutes 5 --out out/fleet

Hub, leaves and boards are processes in network name spaces of their own, with the servers of
`deploy/nats`, TLS and users. Each board is the real service `fleet`; the boards of a site share a
process (`tests.fleet.boards`). Links are cut, hub, leaves and services are killed, disks of leaves
are filled and clocks are stepped, by chance. It needs root, and exits with 3 where the machine does
not permit it; with 1 where an event is missing, there twice, or out of order.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.sandbox import Refused
from tests.fleet.campaign import Campaign
from tests.fleet.cost import extrapolate
from tests.fleet.fleet import running_fleet
from tests.fleet.recording import record_events
from tests.fleet.servers import check_tools

REFUSED = 3


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fleet.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sites", type=int, default=10)
    parser.add_argument("--boards", type=int, default=20, help="at each site")
    parser.add_argument("--minutes", type=float, default=5.0, help="of faults")
    parser.add_argument("--rate", type=float, default=1.0, help="events a second of each board")
    parser.add_argument("--peak", type=float, default=10.0, help="the same, at peaks")
    parser.add_argument("--outage", type=float, default=30.0, help="seconds without the hub")
    parser.add_argument("--seed", type=int, default=1, help="of what fails when")
    parser.add_argument("--events", type=Path, help="a file of `record.events`; else one is made")
    parser.add_argument("--out", type=Path, default=Path("out/fleet"), help="folder of the report")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # name spaces and mounts are taken away
        signal.signal(number, signal.default_int_handler)
    try:
        check_tools()
        with tempfile.TemporaryDirectory(prefix="fleet-") as scratch:
            return simulate(options, Path(scratch))
    except Refused as refusal:
        print(f"not possible here: {refusal}", file=sys.stderr)
        return REFUSED


def simulate(options: argparse.Namespace, scratch: Path) -> int:
    """Print what was seen, and write it into the report."""
    events = options.events or record_events(scratch)
    with running_fleet(scratch, options.sites, options.boards, events) as fleet:
        campaign = Campaign(fleet, options.rate, options.peak, options.seed)
        campaign.settle_in()
        memory = [site.boards.report().memory_mib for site in fleet.sites]
        print(
            f"{len(fleet.sites) * options.boards} boards at {len(fleet.sites)} sites; a process of "
            f"{options.boards} has {max(memory):.1f} MiB resident", flush=True,
        )  # fmt: skip
        cost = campaign.measure_cost()
        print(f"hub: {cost}", flush=True)
        hub_speed, hub_cost = campaign.measure_catching_up(options.outage)
        print(f"hub: {hub_speed}\nhub, meanwhile: {hub_cost}", flush=True)
        leaf_speed = campaign.measure_leaf_catching_up(options.outage / 2)
        print(f"leaf: {leaf_speed}", flush=True)
        campaign.fail(60 * options.minutes)
        print(f"faults: {campaign.done}", flush=True)
        verdict = campaign.finish()
        print(verdict)
        print(f"all was there {campaign.settled_s:.0f} s after the last fault")
    for rate in (0.1, 1.0):
        print(extrapolate(cost, 10_000, rate))
    report = {
        "command": ["python", "-m", "tests.fleet.simulation", *sys.argv[1:]],
        "boards": len(campaign.told), "seconds": round(campaign.seconds),
        "memory_mib": memory, "cost": cost._asdict(),
        "hub_catching_up": hub_speed._asdict(), "cost_meanwhile": hub_cost._asdict(),
        "leaf_catching_up": leaf_speed._asdict(),
        "faults": campaign.done, "verdict": verdict._asdict(),
        "settled_s": round(campaign.settled_s, 1), "lost_on_boards": campaign.lost,
        "commit": _commit(),
    }  # fmt: skip
    (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    return 0 if verdict.is_good and not campaign.lost else 1


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
