"""The configuration of a line: every key there is, with its default and its limits."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pipeline.limits import Limits
from pipeline.loops.backoff import Retry
from stages.events.config import FilterConfig, Lines, Zones
from stages.events.record_config import FilePath, PlainText, RecordConfig
from stages.events.webhook_config import WebhookConfig

MOST_SOURCES = 64
SHIPPED_MODEL = "thundernet-snet49-street11"  # its name in `stages.model.zoo`

Core = Annotated[int, Meta(ge=0)]
Cores = tuple[Core, ...]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Patience = Annotated[float, Meta(ge=0.1, le=3600.0)]
Side = Annotated[int, Meta(ge=1, le=65535)]
# Codes of V4L2, without those that OpenCV cannot turn into an image.
V4l2Format = Literal[
    "MJPG", "JPEG", "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "BGR3", "RGB3", "GREY"
]  # fmt: skip
# What `stages.line.configuration.marks` finds by its mark, as FilePath, whichever section it is in.
SourceUri = Annotated[str, Meta(min_length=1, extra={"mark": "source"})]
ModelPath = Annotated[str, Meta(extra={"mark": "model"})]
Endpoint = Annotated[str, Meta(pattern=r"^(tcp|ipc)://.+", extra={"mark": "endpoint"})]
ServerAddress = Annotated[str, Meta(min_length=1, extra={"mark": "text"})]
# The marks of texts that may refer to a variable, a file or a credential; "text" is no path.
REFERRING = ("file", "source", "model", "endpoint", "text")
CameraName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
FleetName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the configuration; unknown keys are refused."""


class V4l2Config(_Section, frozen=True):
    """How a camera of this machine shall send; what is left out is up to its driver."""

    format: V4l2Format | None = None
    size: tuple[Side, Side] | None = None  # width and height, in pixels
    fps: Annotated[float, Meta(gt=0.0, le=1000.0)] | None = None


class SourceConfig(_Section, frozen=True):
    """One camera, file, folder, pipe or scene."""

    uri: SourceUri
    name: CameraName | None = None  # "cam0", "cam1", ... when left out
    loop: bool = False  # a file or folder begins again at its end
    live: bool | None = None  # newest frame wins; by default for cameras and network streams
    realtime: bool | None = None  # at the speed of its time stamps; by default for scenes
    fps: Annotated[float, Meta(gt=0.0, le=1000.0)] | None = None  # at most; all by default
    detect: bool = True  # False: nobody looks at its frames, which go through the line all the same
    record: bool = True  # False: no pictures of it are kept, whatever `record` says
    track: bool | None = None  # objects keep a number; by default as `track.enabled`, but folders
    filter: FilterConfig = FilterConfig()  # which detections are looked at
    zones: Zones = {}
    lines: Lines = {}
    gate: Literal["motion"] | None = None  # nothing is detected where nothing moves
    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    v4l2: V4l2Config | None = None  # of a camera of this machine
    silence_s: Patience = 5.0  # a live source that sends nothing for so long is opened again
    freeze_s: Patience | None = 30.0  # one that sends the same frame for so long, too
    retry: Retry = Retry()  # how long a live source that failed is left alone


class DetectConfig(_Section, frozen=True):
    replicas: Annotated[int, Meta(ge=1, le=64)] = 1  # processes, each on a core of its own
    threads: Annotated[int, Meta(ge=1, le=64)] = 1  # per replica


class PostprocessConfig(_Section, frozen=True):
    """Soft-NMS; what is left out is taken from the model file."""

    method: Literal["linear", "gaussian", "hard", "none"] | None = None
    iou_thresh: Share | None = None
    sigma: Annotated[float, Meta(gt=0.0)] | None = None
    score_thresh: Annotated[float, Meta(ge=0.0, lt=1.0)] | None = None
    max_detections: Annotated[int, Meta(ge=1, le=1000)] = 100


class TrackConfig(_Section, frozen=True):
    """When an object gets a number and how long it keeps it, in seconds of capture time."""

    enabled: bool = True  # of sources that do not say so themselves
    low_score: Annotated[float, Meta(ge=0.01, lt=1.0)] = 0.1  # keeps a track, begins none
    confirm_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 0.15
    lost_s: Annotated[float, Meta(ge=0.1, le=60.0)] = 2.0


class GateConfig(_Section, frozen=True):
    """What is looked at of a source that has a gate although nothing moves."""

    look_s: Patience = 5.0  # one frame at least so often, in seconds of capture time


class PublishConfig(_Section, frozen=True):
    endpoint: Endpoint = "tcp://127.0.0.1:5570"
    secret_key: FilePath | None = None  # file: encrypt for those who have the public one
    clients: FilePath | None = None  # folder of public keys: let in these clients only

    def __post_init__(self) -> None:
        if self.clients is not None and self.secret_key is None:
            raise ValueError("expected publish.secret_key too where publish.clients is given")


class WebConfig(_Section, frozen=True):
    """Pages, pictures, REST and WebSockets; there are none without this section."""

    listen: Annotated[str, Meta(pattern=r":\d{1,5}$")] = "127.0.0.1:5580"
    hosts: tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+$")], ...] = ()  # names of it
    token_file: FilePath | None = None  # who has a token of it may read; made if it is not there
    certificate: FilePath | None = None  # PEM file: encrypt
    key: FilePath | None = None  # PEM file, if the certificate's file does not hold it

    def __post_init__(self) -> None:
        if self.key is not None and self.certificate is None:
            raise ValueError("expected web.certificate too where web.key is given")


class MqttQos(_Section, frozen=True):
    """MQTT's levels of service: 0 may be lost, 1 may come twice, 2 comes once."""

    events: Annotated[int, Meta(ge=0, le=2)] = 1
    states: Annotated[int, Meta(ge=0, le=2)] = 1
    pictures: Annotated[int, Meta(ge=0, le=2)] = 0


class OutboxConfig(_Section, frozen=True):
    """The file in which messages wait for their receiver."""

    path: FilePath = "~/.local/state/thunderline/{name}.outbox"
    max_mb: Annotated[float, Meta(ge=0.1, le=100_000.0)] = 32.0
    max_age_h: Annotated[float, Meta(gt=0.0, le=87_600.0)] = 168.0  # that the machine has run


class MqttConfig(_Section, frozen=True):
    """Tells a broker what happens, and Home Assistant what there is."""

    broker: ServerAddress
    user: PlainText | None = None
    password_file: FilePath | None = None  # or THUNDERLINE_MQTT_PASSWORD in the environment
    ca: FilePath | None = None  # PEM file of authorities; those of the machine by default
    certificate: FilePath | None = None  # PEM file: how this line shows itself
    key: FilePath | None = None  # PEM file, if the certificate's file does not hold it
    name: CameraName | None = None  # of this line in topics; that of the machine by default
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] = "thunderline"
    # prefix of Home Assistant's discovery; null tells it nothing
    discovery: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] | None = (
        "homeassistant"
    )
    commands: bool = False  # who may publish at the broker may switch detection and recording
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    inflight: Annotated[int, Meta(ge=1, le=1000)] = 20  # messages on their way at a time
    qos: MqttQos = MqttQos()
    labels: tuple[str, ...] = ()  # that are counted; those of the filter, or all
    count_s: Annotated[float, Meta(ge=0.1, le=3600.0)] = 1.0  # a count is told at most so often
    clear_s: Patience = 5.0  # what is not seen for so long is not present
    age_s: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 30.0  # the age of results is told so often
    # at most so often a picture of what happened; null sends none
    picture_s: Annotated[float, Meta(ge=0.5, le=86_400.0)] | None = 10.0
    picture_width: Annotated[int, Meta(ge=16, le=8192)] = 640  # pixels, at most
    outbox: OutboxConfig = OutboxConfig()


class FleetOutboxConfig(OutboxConfig, frozen=True):
    """The same, in a file of its own."""

    path: FilePath = "~/.local/state/thunderline/{name}.fleet"


class FleetConfig(_Section, frozen=True):
    """Tells a NATS server what happens here, and takes configurations from it."""

    server: ServerAddress
    site: FleetName
    board: FleetName | None = None  # that of the machine by default
    user: PlainText | None = None
    password_file: FilePath | None = None  # or THUNDERLINE_FLEET_PASSWORD in the environment
    ca: FilePath | None = None  # PEM file of authorities; those of the machine by default
    certificate: FilePath | None = None  # PEM file: how this board shows itself
    key: FilePath | None = None  # PEM file, if the certificate's file does not hold it
    configure: bool = False  # what is pushed for this board or its site is brought into force
    counters_s: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 30.0  # told so often
    # at most so often the detections of a camera, to those who listen; null: not at all
    detections_s: Annotated[float, Meta(ge=0.1, le=86_400.0)] | None = None
    keepalive_s: Annotated[int, Meta(ge=1, le=3600)] = 15
    outbox: FleetOutboxConfig = FleetOutboxConfig()


class RingConfig(_Section, frozen=True):
    slots: Annotated[int, Meta(ge=4, le=4096)] = 8  # frames under way per camera
    # the largest frame; memory is taken for what a source says its size is: 8K, in round figures
    max_pixels: Annotated[int, Meta(ge=1024, le=268_435_456)] = 33_554_432
    # of coded packets that are kept per camera, where somebody looks or records; 0 for none
    packets_mib: Annotated[int, Meta(ge=0, le=1024)] = 16


class AutoConfig(_Section, frozen=True):
    """What `model: auto` chooses among."""

    models: tuple[ModelPath, ...] = ()  # none: the versions of the shipped model
    at_most_ms: Annotated[float, Meta(gt=0.0)] = 100.0  # one inference on the core of `detect`


class LineConfig(_Section, frozen=True):
    """A whole line."""

    sources: Annotated[tuple[SourceConfig, ...], Meta(min_length=1, max_length=MOST_SOURCES)]
    # a file, the name of a shipped one, or "auto": what suits this machine
    model: ModelPath = SHIPPED_MODEL
    auto: AutoConfig = AutoConfig()
    detect: DetectConfig = DetectConfig()
    postprocess: PostprocessConfig = PostprocessConfig()
    track: TrackConfig = TrackConfig()
    gate: GateConfig = GateConfig()
    publish: PublishConfig = PublishConfig()
    record: RecordConfig = RecordConfig()
    web: WebConfig | None = None
    webhook: WebhookConfig | None = None
    mqtt: MqttConfig | None = None
    fleet: FleetConfig | None = None
    ring: RingConfig = RingConfig()
    limits: Limits = Limits()
    cores: dict[str, Cores] = {}  # of the processes of each stage or service, by its name
    log: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def camera_names(self) -> tuple[str, ...]:
        return tuple(source.name or f"cam{i}" for i, source in enumerate(self.sources))

    @property
    def named_sources(self) -> dict[str, SourceConfig]:
        return dict(zip(self.camera_names, self.sources, strict=True))

    def __post_init__(self) -> None:
        names = self.camera_names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources: expected names that differ, got '{twice[0]}' twice")
        video = self.record.video
        if video is not None and len(names) > 1 and "{camera}" not in video:
            raise ValueError(
                f"record.video: expected {{camera}} in the path, for {len(names)} sources, "
                f"got '{video}'"
            )
