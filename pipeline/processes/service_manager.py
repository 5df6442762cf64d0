"""What a line tells of itself: to systemd, by sd_notify(3), and to whoever asks if it is well."""

import os
import socket
import time

from pipeline.logger import logger
from pipeline.memory.pulse import Pulse
from pipeline.memory.report import Report
from pipeline.memory.vital_sign import VitalSign
from pipeline.redact import redact

_LOOK_EVERY_S = 1.0
_STATUS_EVERY_S = 10.0
_STATUS_COLUMNS = 500
_STUCK_S = 30.0  # long after a hung process has been killed and has a successor


class ServiceManager:
    """Tells through the socket that `$NOTIFY_SOCKET` names, and renews the line's vital sign.

    The variables are taken out of the environment: no process of the line speaks for it but this
    one. The watchdog is fed while the line has a pulse: cameras that are away do not count.

    Attributes:
        is_listening: whether there is somebody to tell.
    """

    def __init__(self, report: Report, vital_sign: VitalSign) -> None:
        address = os.environ.pop("NOTIFY_SOCKET", "")
        every_us = os.environ.pop("WATCHDOG_USEC", "")
        is_meant = os.environ.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.is_listening = bool(address)
        self._feed_every_s = int(every_us) / 2e6 if is_meant and every_us.isdecimal() else None
        self._report, self._vital_sign = report, vital_sign
        self._pulse = Pulse(_STUCK_S)
        self._is_ready = False
        self._stuck: list[str] = []
        self._look_s = self._feed_s = self._status_s = 0.0  # when each is due

    def look(self, is_ready: bool) -> None:
        """Tell what is due; to be called many times a second.

        Args:
            is_ready: whether every process of the line has begun its work.
        """
        now_s = time.monotonic()
        if now_s < self._look_s:
            return
        self._look_s = now_s + _LOOK_EVERY_S
        if is_ready and not self._is_ready:
            self._is_ready = True
            self._tell("READY=1")
        self._look_for_pulse()
        if self._is_ready and not self._stuck:
            self._vital_sign.renew()
        if self._feed_every_s is not None and not self._stuck and now_s >= self._feed_s:
            self._feed_s = now_s + self._feed_every_s
            self._tell("WATCHDOG=1")
        if self.is_listening and now_s >= self._status_s:
            self._status_s = now_s + _STATUS_EVERY_S
            self._tell(f"STATUS={redact(self._report.status_line(_STATUS_COLUMNS))}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")
        self._vital_sign.close()

    def _look_for_pulse(self) -> None:
        stuck = self._pulse.find_stuck(self._report.flows())
        if stuck and not self._stuck:
            logger.error("{}: frames come, and no result for {:g} s: the line is not well",
                         ", ".join(stuck), _STUCK_S)  # fmt: skip
        self._stuck = stuck

    def _tell(self, *assignments: str) -> None:
        if not self.is_listening:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            logger.warning("the service manager was not told {}: {}", assignments[0], error)
