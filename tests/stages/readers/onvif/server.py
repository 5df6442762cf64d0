"""An ONVIF device for tests: it answers what is asked for, with the faults that real ones have."""

import base64
import hashlib
import re
import socket
import struct
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stages.readers.onvif.discovery import GROUP, PORT
from tests.running_line import PATIENCE_S

USER, PASSWORD = "admin", "p@ss/w:rd #1"
LOOPBACK = "lo"
_WINDOW_S = 5.0  # how far from its own clock a signature may be
_MEDIA = {1: "http://www.onvif.org/ver10/media/wsdl", 2: "http://www.onvif.org/ver20/media/wsdl"}
_REALM, _NONCE = "camera", "dcd98b7102dd2f0e8b11d0f600bfb0c0"
PROFILES = (
    ("main", "Main <stream>", "H264", 2560, 1440, 25),
    ("sub", "Sub", "H264", 1280, 720, 15),
)


class OnvifDevice(ThreadingHTTPServer):
    """Serves at `url` until it is closed.

    Args:
        login: what it asks for: "none", "token" (WS-Security) or "digest" (HTTP).
        ahead: its clock, of ours.
        media: versions of its media service; the second has other elements.
        knows_services: whether it knows GetServices, as devices since 2011 do.
        prefix: of SOAP in its answers.
        named_host: the host that it says its services are at.
        stream_host: the one that its streams are at.
        place: host and port to listen at.
    """

    daemon_threads = True

    def __init__(
        self,
        *,
        login: str = "token",
        ahead: timedelta = timedelta(),
        media: tuple[int, ...] = (1,),
        knows_services: bool = True,
        prefix: str = "s",
        named_host: str = "10.1.2.3",
        stream_host: str = "192.168.1.20:554",
        place: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        super().__init__(place, _Handler)
        self.login, self.ahead, self.media, self.prefix = login, ahead, media, prefix
        self.knows_services = knows_services
        self.named_host, self.stream_host = named_host, stream_host
        self.requests: list[str] = []
        self.fixed: bytes | None = None  # the answer to everything, if it is not None
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def host(self) -> str:
        return "{}:{}".format(*self.server_address)

    @property
    def url(self) -> str:
        return f"http://{self.host}/onvif/device_service"

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def answer(self, name: str, request: str) -> str | None:
        """The body of an answer; None for what it does not know."""
        if name == "GetSystemDateAndTime":
            now = self.now()
            return (
                "<x:GetSystemDateAndTimeResponse><x:SystemDateAndTime><x:UTCDateTime><x:Time>"
                f"<x:Hour>{now.hour}</x:Hour><x:Minute>{now.minute}</x:Minute>"
                f"<x:Second>{now.second}</x:Second></x:Time><x:Date><x:Year>{now.year}</x:Year>"
                f"<x:Month>{now.month}</x:Month><x:Day>{now.day}</x:Day></x:Date>"
                "</x:UTCDateTime></x:SystemDateAndTime></x:GetSystemDateAndTimeResponse>"
            )
        if name == "GetServices" and self.knows_services:
            services = "".join(
                f"<x:Service><x:Namespace>{_MEDIA[version]}</x:Namespace>"
                f"<x:XAddr>http://{self.named_host}/onvif/media{version}</x:XAddr></x:Service>"
                for version in self.media
            )
            return f"<x:GetServicesResponse>{services}</x:GetServicesResponse>"
        if name == "GetCapabilities":
            return (
                "<x:GetCapabilitiesResponse><x:Capabilities><x:Media>"
                f"<x:XAddr>http://{self.named_host}/onvif/media1</x:XAddr></x:Media>"
                "</x:Capabilities></x:GetCapabilitiesResponse>"
            )
        if name == "GetProfiles":
            is_second = _MEDIA[2] in request
            return f"<x:GetProfilesResponse>{_profiles(is_second)}</x:GetProfilesResponse>"
        if name == "GetStreamUri":
            (token,) = re.findall(r"ProfileToken>(\w+)<", request)
            uri = f"rtsp://{self.stream_host}/{token}?a=1&amp;b=2"
            return f"<x:GetStreamUriResponse><x:Uri>{uri}</x:Uri></x:GetStreamUriResponse>"
        return None

    def lets_in(self, request: str, authorization: str) -> bool:
        if self.login == "digest":
            return _is_digest(authorization)
        return self.login == "none" or self._is_token(request)

    def _is_token(self, request: str) -> bool:
        """WS-Security: the signature is right, and of now by the clock of the device."""
        given = dict(re.findall(r"<\w+:(Username|Password|Nonce|Created)\b[^>]*>([^<]*)<", request))
        if given.get("Username") != USER:
            return False
        created = datetime.strptime(given["Created"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        signed = base64.b64decode(given["Nonce"]) + (given["Created"] + PASSWORD).encode()
        digest = base64.b64encode(hashlib.sha1(signed).digest()).decode()
        is_now = abs((created - self.now()).total_seconds()) < max(_WINDOW_S, PATIENCE_S)
        return given["Password"] == digest and is_now


class _Handler(BaseHTTPRequestHandler):
    server: OnvifDevice

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"])).decode()
        found = re.search(r"Body><\w+:(\w+)", request)
        name = found[1] if found else ""
        device = self.server
        device.requests.append(name)
        if device.fixed is not None:
            self._send(200, device.fixed)
        elif name != "GetSystemDateAndTime" and not device.lets_in(
            request, self.headers.get("Authorization", "")
        ):
            self._refuse()
        elif (body := device.answer(name, request)) is None:
            self._send(400, self._fault("ter:ActionNotSupported", "Optional Action"))
        else:
            self._send(200, self._envelope(body))

    def _refuse(self) -> None:
        fault = self._fault("ter:NotAuthorized", "Sender not Authorized")
        if self.server.login == "digest":
            challenge = f'Digest realm="{_REALM}", qop="auth", nonce="{_NONCE}", algorithm=MD5'
            self._send(401, b"", ("WWW-Authenticate", challenge))
        else:
            self._send(400, fault)

    def _fault(self, code: str, reason: str) -> bytes:
        p = self.server.prefix
        return self._envelope(
            f"<{p}:Fault><{p}:Code><{p}:Value>{p}:Sender</{p}:Value><{p}:Subcode>"
            f"<{p}:Value>{code}</{p}:Value></{p}:Subcode></{p}:Code><{p}:Reason>"
            f'<{p}:Text xml:lang="en">{reason}</{p}:Text></{p}:Reason></{p}:Fault>'
        )

    def _envelope(self, body: str) -> bytes:
        p = self.server.prefix
        return (
            f'<?xml version="1.0"?>\n<{p}:Envelope xmlns:{p}="http://www.w3.org/2003/05/soap-'
            f'envelope" xmlns:x="urn:x"><{p}:Body>{body}</{p}:Body></{p}:Envelope>'
        ).encode()

    def _send(self, status: int, content: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _profiles(is_second: bool) -> str:
    before, after = ("<x:VideoEncoderConfiguration>", "</x:VideoEncoderConfiguration>")
    if is_second:
        before = "<x:Configurations><x:VideoEncoder>"
        after = "</x:VideoEncoder></x:Configurations>"
    audio_only = '<x:Profiles token="sound"><x:Name>Sound</x:Name></x:Profiles>'
    return audio_only + "".join(
        f'<x:Profiles token="{token}"><x:Name>{name.replace("<", "&lt;")}</x:Name>{before}'
        f"<x:Encoding>{codec}</x:Encoding><x:Resolution><x:Width>{width}</x:Width>"
        f"<x:Height>{height}</x:Height></x:Resolution><x:RateControl>"
        f"<x:FrameRateLimit>{fps}</x:FrameRateLimit></x:RateControl>{after}</x:Profiles>"
        for token, name, codec, width, height, fps in PROFILES
    )


def _is_digest(authorization: str) -> bool:
    """RFC 2617, with the qop `auth`."""
    given = dict(re.findall(r'(\w+)="?([^",]*)', authorization))
    if given.get("username") != USER:
        return False

    def hashed(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    secret, what = hashed(f"{USER}:{_REALM}:{PASSWORD}"), hashed(f"POST:{given['uri']}")
    middle = f"{_NONCE}:{given['nc']}:{given['cnonce']}:auth"
    expected = hashed(f"{secret}:{middle}:{what}")
    return bool(given["response"] == expected)


class Answering:
    """Answers the questions of WS-Discovery on the loopback interface, for these devices."""

    def __init__(self, *answers: bytes, port: int = PORT) -> None:
        self._answers = answers
        self.probes: list[bytes] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((GROUP, port))
        self.port: int = self._socket.getsockname()[1]
        number = socket.if_nametoindex(LOOPBACK)
        membership = struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), number)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waking:
            number = socket.if_nametoindex(LOOPBACK)
            membership = struct.pack("=4s4si", socket.inet_aton(GROUP), bytes(4), number)
            waking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, membership)
            waking.sendto(b"", (GROUP, self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while (received := self._socket.recvfrom(65_535))[0]:
            probe, asker = received
            self.probes.append(probe)
            for answer in self._answers:
                self._socket.sendto(answer, asker)


def match(addresses: str, scopes: str = "") -> bytes:
    """An answer to a probe."""
    return (
        '<?xml version="1.0"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:w="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Body><w:ProbeMatches>'
        f"<w:ProbeMatch><w:Scopes>{scopes}</w:Scopes><w:XAddrs>{addresses}</w:XAddrs>"
        "</w:ProbeMatch></w:ProbeMatches></e:Body></e:Envelope>"
    ).encode()
