"""A site of a simulated fleet: its server, its boards, and what can be done to them."""

from pathlib import Path

from tests.faults.sandbox import SteppedClock
from tests.fleet.boards import Orders
from tests.fleet.boards_process import BoardsProcess
from tests.fleet.network import SiteNetwork
from tests.fleet.servers import Leaf


class Site:
    """Its boards are a process of their own, with a clock of its own."""

    def __init__(
        self,
        network: SiteNetwork,
        folder: Path,
        name: str,
        tls: Path,
        boards: list[str],
        events: Path,
    ) -> None:
        self.name, self.network = name, network
        self.leaf = Leaf(network, folder, name, tls, boards)
        (folder / "boards").mkdir()
        self.clock = SteppedClock(folder)
        orders = Orders(
            str(folder / "boards"), str(events), name, tuple(boards),
            f"tls://{network.leaf_address}:{self.leaf.port}", str(tls / "ca.pem"),
            str(self.leaf.folder / "password"),
        )  # fmt: skip
        self.boards = BoardsProcess(folder, orders, (*self.clock.wrap, *network.boards.enter))

    def close(self) -> None:
        self.boards.kill()
        self.leaf.close()
