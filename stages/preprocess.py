"""Preprocess: the frame brought to the network's size, in BGR, into its place in the slot.

Where a camera has a gate, it also tells which frames are idle: nothing moves, nothing is followed.
All frames of a camera whose detection is switched off are.
"""

from collections.abc import Mapping

import msgspec

from pipeline.memory.frame_ref import NO_FRAME
from pipeline.memory.ledger import LedgerReader
from pipeline.memory.recent_frames import RecentFrames
from pipeline.stage import BasicStage, Context, Frame, FrameIdle
from stages.kernels.fit import WARPED, Fit
from stages.kernels.fitter import Fitter, part_of
from stages.kernels.gating.gate import Gate, GateOptions
from stages.kernels.pixels import Pixels
from stages.slot import Slot

_NS_PER_S = 1_000_000_000
_Place = tuple[int, int]  # epoch and number of a frame
_NOWHERE: _Place = (0, NO_FRAME)


class PreprocessOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    gates: Mapping[str, GateOptions]  # by camera; of others every frame is looked at
    fit: Fit = WARPED
    paused: tuple[str, ...] = ()  # cameras of which no frame is looked at


class Preprocess(BasicStage[None, None]):
    """Reads `frame`, writes `tensor`.

    A gate knows the frames before. That of a process that was killed begins anew, with looks.
    """

    Options = PreprocessOptions

    def __init__(self, options: PreprocessOptions, context: Context) -> None:
        self._fit = options.fit
        self._fitter: Fitter | None = None
        self._ledger, self._cameras = context.ledger, context.cameras
        self._gates: dict[int, _CameraGate] = {}
        self._newest: dict[int, _Place] = {}  # of each camera
        self._paused: dict[int, _Place] = {}  # after which frame nobody looks at any
        self.reconfigure(options)

    def reconfigure(self, options: PreprocessOptions) -> None:
        """A gate that differs begins anew."""
        before, self._gates = self._gates, {}
        for name, wanted in options.gates.items():
            camera = self._cameras.index(name)
            gate = before.get(camera)
            if gate is None or gate.options != wanted:
                gate = _CameraGate(wanted, self._ledger, camera)
            self._gates[camera] = gate
        paused, self._paused = self._paused, {}
        for name in options.paused:
            camera = self._cameras.index(name)
            self._paused[camera] = paused.get(camera, self._newest.get(camera, _NOWHERE))

    def process(self, frame: Frame[None]) -> None:
        self._check_pause(frame)
        slot = Slot(frame)
        if self._fitter is None:  # the first frame tells the network's size
            self._fitter = Fitter(slot.network_wh, self._fit)
        place = self._fitter.fit(slot.picture, slot.tensor)
        gate = self._gates.get(frame.ref.camera)
        if gate is not None and not gate.is_open(frame, part_of(slot.tensor, place)):
            raise FrameIdle

    def _check_pause(self, frame: Frame[None]) -> None:
        """A frame that was looked at before is looked at again when it comes again."""
        ref = frame.ref
        place = ref.epoch, ref.frame_id
        self._newest[ref.camera] = max(place, self._newest.get(ref.camera, _NOWHERE))
        if ref.camera in self._paused and place > self._paused[ref.camera]:
            raise FrameIdle


class _CameraGate:
    """The gate of one camera, and what it said of the newest frames."""

    def __init__(self, options: GateOptions, ledger: LedgerReader, camera: int) -> None:
        self.options = options
        self._ledger, self._camera = ledger, camera
        self._gate: Gate | None = None
        self._shape = (0, 0)  # (h, w) of the pictures that the gate knows
        self._epoch, self._newest = 0, NO_FRAME
        self._said = RecentFrames[bool]()

    def is_open(self, frame: Frame[None], picture: Pixels) -> bool:
        """The same for a frame that comes again: what was looked at is never idle later."""
        ref = frame.ref
        said = self._said.find(ref)
        if said is None:
            said = self._decide(frame, picture)
            self._said.put(ref, said)
        return said

    def _decide(self, frame: Frame[None], picture: Pixels) -> bool:
        ref, shape = frame.ref, picture.shape[:2]
        if self._gate is None or shape != self._shape:
            self._gate, self._shape = Gate(shape[::-1], self.options), shape
        if ref.epoch != self._epoch:
            self._epoch, self._newest = ref.epoch, NO_FRAME
            self._gate.forget()
        if ref.frame_id <= self._newest:  # it comes again, and what was said of it is forgotten
            return True
        self._newest = ref.frame_id
        followed = self._ledger.is_followed(self._camera)
        return self._gate.is_open(picture, frame.pts_ns / _NS_PER_S, followed=followed)
