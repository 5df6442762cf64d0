"""One connection to the broker, from the first packet to the last; it is never made again."""

import queue
import socket
import ssl
from contextlib import suppress
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from stages.services.login import Login
from stages.services.mqtt.publication import Publication
from stages.services.server_address import Address


class Up(NamedTuple):
    """The broker has let us in."""


class Down(NamedTuple):
    """The connection has ended, or was never made."""

    why: str
    is_refused: bool = False  # by the broker itself


class Taken(NamedTuple):
    """The broker has acknowledged a message; one of QoS 0 is on its way."""

    mid: int


class Heard(NamedTuple):
    """A message for us."""

    topic: str
    payload: bytes
    is_retained: bool  # said some time ago, and kept by the broker


Happening = Up | Down | Taken | Heard


class Connection:
    """paho's client, of which only what one connection needs is used.

    paho's own reconnection sends what was not acknowledged before anything else, and forgets its
    limit of messages on their way (eclipse-paho/paho.mqtt.python#492). Here each connection is a
    new client, and the outbox knows what it has to send.

    What happens on the thread of the network waits in `happenings`.
    """

    def __init__(
        self,
        address: Address,
        login: Login,
        tls: ssl.SSLContext | None,
        client_id: str,
        keepalive_s: int,
        will: Publication,
    ) -> None:
        self.happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self.is_up = False
        self._client = _Client(self.happenings, client_id, address)
        self._client.username_pw_set(login.user, login.password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.will_set(will.topic, will.payload, will.qos, will.retain)
        self._client.connect_async(address.host, address.port, keepalive_s)
        self._client.loop_start()

    def wait(self, patience_s: float) -> Happening | None:
        """The next thing that happens, or None."""
        try:
            happening = self.happenings.get(timeout=patience_s) if patience_s else (
                self.happenings.get_nowait()
            )  # fmt: skip
        except queue.Empty:
            return None
        if isinstance(happening, (Up, Down)):
            self.is_up = isinstance(happening, Up)
        return happening

    def publish(self, publication: Publication) -> int | None:
        """Hand a message to the network; returns its number for `Taken`.

        None if it is refused, as while the connection is down: it is not sent then.
        """
        info = self._client.publish(*publication)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)

    def end(self) -> None:
        """Say goodbye, so that the broker publishes no will. It is sent in the background."""
        self._client.disconnect()

    def abandon(self) -> None:
        """End a connection whose other end does not answer; its thread ends soon."""
        self.is_up = False
        self._client.disconnect()
        stuck = self._client.socket()
        if isinstance(stuck, socket.socket):
            with suppress(OSError):
                stuck.shutdown(socket.SHUT_RDWR)


class _Listener:
    """What paho calls tells of it through a queue.

    It knows no client: paho closes the pair of sockets that wakes its thread when its client is
    freed, and two that know each other are not freed until the collector of cycles comes.
    """

    def __init__(self, happenings: "queue.SimpleQueue[Happening]", address: Address) -> None:
        self._happenings, self._address, self._has_answered = happenings, address, False

    def tell_connected(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _more: Any
    ) -> None:
        self._has_answered = True
        down = Down(f"the broker refuses the connection: {reason}", is_refused=True)
        self._happenings.put(down if reason.is_failure else Up())

    def tell_disconnected(
        self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _more: Any
    ) -> None:
        why = str(reason)
        if not self._has_answered:
            why = f"{self._address}: the broker ends the connection before it answers"
            if not self._address.is_encrypted:
                why += ": does this port expect TLS, with mqtts:// before its name?"
        elif why == "Unspecified error":  # so paho calls it when the other end goes
            why = "the broker has ended the connection"
        self._happenings.put(Down(why))

    def tell_published(
        self, _client: paho.Client, _data: Any, mid: int, _reason: ReasonCode, _more: Properties
    ) -> None:
        self._happenings.put(Taken(mid))

    def tell_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._happenings.put(Heard(message.topic, bytes(message.payload), message.retain))


class _Client(paho.Client):
    """Tells of everything through a queue, errors of its thread included."""

    def __init__(
        self, happenings: "queue.SimpleQueue[Happening]", client_id: str, address: Address
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        self._happenings, self._address = happenings, address
        self.max_inflight_messages_set(0)  # the sender limits them
        listener = _Listener(happenings, address)
        self.on_connect = listener.tell_connected
        self.on_disconnect = listener.tell_disconnected
        self.on_publish = listener.tell_published
        self.on_message = listener.tell_message

    def loop_forever(
        self, timeout: float = 1.0, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        """What the thread runs. A connection that cannot be made is not tried again here."""
        why = "the connection was closed"
        try:
            return super().loop_forever(timeout)
        except ssl.SSLError as error:
            why = f"TLS: {getattr(error, 'verify_message', None) or error.reason or error}"
        except OSError as error:
            why = f"{self._address}: {error.strerror or error}"
            if self._address.is_encrypted and isinstance(error, ConnectionResetError):
                why += ": does this port speak TLS?"
        except Exception as error:  # noqa: BLE001 - the boundary of a thread
            why = f"{type(error).__name__}: {error}"
        finally:
            self._happenings.put(Down(why))
        return MQTTErrorCode.MQTT_ERR_CONN_LOST
