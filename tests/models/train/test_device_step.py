"""A training step on a device never waits for it, and the device never for the computer.

The meta device stands for a GPU: it has shapes and no values, so whatever needs a value on the
computer's side fails, and what would be copied from there shows.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.data import augment as augmentation
from models.data import night
from models.data.batches import Batch
from models.thundernet import criterion
from models.thundernet.config import ThunderNetConfig
from models.thundernet.criterion import Criterion, CriterionConfig
from models.thundernet.ground_truth import GroundTruth
from models.thundernet.matcher import match
from models.thundernet.thundernet import ThunderNet
from models.train.state import place

pytestmark = pytest.mark.torch

DEVICE = torch.device("meta")
IMAGES, BOXES, SIZE = 2, 8, 192
# Calls that copy numbers of the computer to the device, or of the device to the computer.
TRANSFERS = {
    *("tensor", "as_tensor", "new_tensor", "from_numpy"),
    *("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__"),
}
# Operators whose result has as many elements as the values say.
DATA_DEPENDENT = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "bincount")


class CallWatch(TorchFunctionMode):
    """Notes every call of TRANSFERS."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in TRANSFERS:
            self.found.append(func.__name__)
        return func(*args, **(kwargs or {}))


class OperatorWatch(TorchDispatchMode):
    """Notes every operator that leaves the device or waits for it, the backward pass's too."""

    def __init__(self) -> None:
        TorchDispatchMode.__init__(self)
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves((args, kwargs, output)) if isinstance(t, Tensor)]
        by_mask = func.name().startswith("aten::index") and any(
            t.dtype == torch.bool for t in tree_leaves(args[1:]) if isinstance(t, Tensor)
        )
        elsewhere = any(t.device != DEVICE for t in tensors)
        if elsewhere or by_mask or any(name in func.name() for name in DATA_DEPENDENT):
            self.found.append(func.name())
        return output


@pytest.fixture(autouse=True)
def random_on_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no generators for the meta device; on a GPU they live where the numbers do."""

    def uniform(shape: tuple[int, ...], generator: object, device: torch.device) -> Tensor:
        return torch.rand(shape, device=device)

    for module in (criterion, augmentation, night):
        monkeypatch.setattr(module, "uniform", uniform)


def make_batch() -> Batch:
    return Batch(
        torch.empty(IMAGES, 3, 320, 320, dtype=torch.uint8, device=DEVICE),
        torch.empty(IMAGES, BOXES, 4, device=DEVICE),
        torch.empty(IMAGES, BOXES, dtype=torch.int64, device=DEVICE),
        torch.empty(IMAGES, 11, dtype=torch.bool, device=DEVICE),
    )


@pytest.mark.parametrize("hard_examples", [False, True])
@pytest.mark.parametrize("class_specific_boxes", [False, True])
def test_step_stays_on_the_device(hard_examples: bool, class_specific_boxes: bool) -> None:
    model = ThunderNet(ThunderNetConfig(class_specific_boxes=class_specific_boxes)).to(DEVICE)
    config = CriterionConfig(hard_examples=hard_examples, context_weight=1.0)
    objective = Criterion(model, config).to(DEVICE)
    batch, anchors = make_batch(), model.anchors(SIZE).to(DEVICE)
    every_change = augmentation.AugmentConfig(background=0.5, mosaic=0.5, grey=0.5, low_light=0.5)
    unused = torch.Generator()
    with OperatorWatch() as operators, CallWatch() as calls:
        images, truth = augmentation.augment(batch, SIZE, model.pixel_mean, every_change, unused)
        dense = model(model.normalize(images).contiguous(memory_format=torch.channels_last))
        losses = objective(dense, anchors, SIZE, truth, unused).losses
        torch.stack(list(losses.values())).sum().backward()
    assert operators.found == []
    assert calls.found == []
    assert all(p.grad is not None for p in model.parameters())


def test_parts_of_a_step_compile_without_a_break() -> None:
    """`fullgraph` refuses whatever would send control back to Python in between."""
    model = place(ThunderNet(ThunderNetConfig()), torch.device("cpu"))
    images = torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    anchors, boxes = model.anchors(64)[None], torch.tensor([[[5.0, 5.0, 40.0, 30.0]]] * 2)
    truth = GroundTruth(boxes, torch.ones(2, 1).long(), torch.ones(2, 11, dtype=torch.bool))

    def compiled(function: Any) -> Any:
        return torch.compile(function, backend="eager", fullgraph=True)

    dense = compiled(model)(images)
    output = compiled(model.classify)(dense.features.detach(), boxes)
    assert output.class_logits.shape == (2, 1, 12)
    found = compiled(match)(anchors, truth, 0.7, 0.3, 0.1)
    assert torch.equal(found.assignment, match(anchors, truth, 0.7, 0.3, 0.1).assignment)


@pytest.mark.parametrize(
    "offence",
    [
        lambda x: x.new_tensor((1.0, 2.0)),
        lambda x: x + torch.ones(3).to(DEVICE),
        lambda x: x[:, torch.empty(3, dtype=torch.bool, device=DEVICE)],
        lambda x: x.nonzero(),
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
    ],
)
def test_transfers_are_noticed(offence: Any) -> None:
    with OperatorWatch() as operators, CallWatch() as calls:
        try:
            offence(torch.empty(2, 3, device=DEVICE))
        except (RuntimeError, NotImplementedError):
            return
    assert operators.found or calls.found
