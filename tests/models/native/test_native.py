"""The compiled kernels against torch's operators in double precision."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.native import batch_norm, depthwise
from models.native import psroi_align as native_psroi_align
from models.native.library import Library, cache_folder, library
from models.thundernet.config import ThunderNetConfig
from models.thundernet.layers import Layers
from models.thundernet.psroi_align import psroi_align
from models.thundernet.thundernet import ThunderNet
from models.train.state import place

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def compiled() -> None:
    if library.load() is None:
        pytest.skip(f"no compiled kernels: {library.reason}")


def random_map(channels: int, side: int, seed: int = 0, images: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, channels, side, side, generator=generator) * 2 + 3
    return x.contiguous(memory_format=torch.channels_last)


def random_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    generator = torch.Generator().manual_seed(1)
    norm.weight.data.uniform_(0.5, 2, generator=generator)
    norm.bias.data.normal_(generator=generator)
    return norm


def test_denormal_numbers_survive() -> None:
    smallest_normal = torch.tensor(torch.finfo(torch.float32).tiny)
    assert smallest_normal / 2 > 0


# Widths whose rows join to full vectors, with and without a rest of rows, and one that joins none.
@pytest.mark.parametrize(("channels", "side"), [(24, 16), (30, 9), (245, 5), (512, 4), (1, 3)])
@pytest.mark.parametrize("relu", [False, True])
def test_batch_norm_is_that_of_double_precision(channels: int, side: int, relu: bool) -> None:
    norm, exact = random_norm(channels), random_norm(channels).double()
    x = random_map(channels, side).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    assert batch_norm.serves(x, norm)
    y, expected = batch_norm.batch_norm(x, norm, relu), exact(x64)
    if relu:
        expected = F.relu(expected)
    gradient = random_map(channels, side, seed=2)
    y.backward(gradient)
    expected.backward(gradient.double())
    torch.testing.assert_close(y.double(), expected, atol=1e-5, rtol=1e-5)
    assert x.grad is not None
    torch.testing.assert_close(x.grad.double(), x64.grad, atol=1e-4, rtol=1e-4)
    for ours, theirs in zip(norm.parameters(), exact.parameters(), strict=True):
        assert ours.grad is not None
        torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=1e-3, rtol=1e-4)
    assert norm.state_dict().keys() == exact.state_dict().keys()
    for mine, its in zip(norm.buffers(), exact.buffers(), strict=True):
        torch.testing.assert_close(mine.double(), its.double(), atol=1e-5, rtol=1e-5)


def test_batch_norm_does_not_depend_on_the_threads() -> None:
    x, before = random_map(30, 40), torch.get_num_threads()

    def run(threads: int) -> Tensor:
        torch.set_num_threads(threads)
        return batch_norm.batch_norm(x, random_norm(30), True)

    try:
        assert torch.equal(run(1), run(3))
    finally:
        torch.set_num_threads(before)


def test_large_means_do_not_cancel() -> None:
    x = random_map(16, 32) + 1e4
    exact = F.batch_norm(x.double(), None, None, training=True)
    got = batch_norm.batch_norm(x, nn.BatchNorm2d(16), False)
    torch.testing.assert_close(got.double(), exact, atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    ("channels", "side", "kernel", "stride"),
    [(60, 10, 5, 1), (30, 9, 5, 2), (16, 8, 3, 2), (245, 5, 5, 1), (24, 3, 5, 1)],
)
def test_depthwise_gradients_are_those_of_double_precision(
    channels: int, side: int, kernel: int, stride: int
) -> None:
    layer = nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
    exact = copy.deepcopy(layer).double()
    x = random_map(channels, side).requires_grad_()
    x64 = x.detach().double().requires_grad_()
    assert depthwise.serves(x, layer)
    y, expected = depthwise.convolve(x, layer), exact(x64)
    gradient = torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    y.backward(gradient)
    expected.backward(gradient.double())
    torch.testing.assert_close(y.double(), expected, atol=1e-4, rtol=1e-5)
    assert x.grad is not None
    torch.testing.assert_close(x.grad.double(), x64.grad, atol=1e-4, rtol=1e-5)
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad.double(), exact.weight.grad, atol=1e-3, rtol=1e-5)


def test_rois_are_pooled_as_by_products_of_matrices() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 245, 10, 12, generator=generator)
    features = features.contiguous(memory_format=torch.channels_last).requires_grad_()
    corner = torch.rand(2, 50, 2, generator=generator) * 200 - 30
    rois = torch.cat((corner, corner + torch.rand(2, 50, 2, generator=generator) ** 2 * 250), 2)
    weight = torch.randn(2, 50, 245, generator=generator)

    def run() -> tuple[Tensor, Tensor]:
        features.grad = None
        pooled = psroi_align(features, rois, 1 / 16)
        (pooled * weight).sum().backward()
        assert features.grad is not None
        return pooled.detach(), features.grad.clone()

    assert native_psroi_align.serves(features, rois, 7)
    pooled, gradient = run()
    with library.disabled():
        expected_pooled, expected_gradient = run()
    torch.testing.assert_close(pooled, expected_pooled, atol=2e-5, rtol=0)
    torch.testing.assert_close(gradient, expected_gradient, atol=2e-5, rtol=0)


def gradient_of_network(model: ThunderNet, images: Tensor) -> Tensor:
    """All gradients of an objective that reaches backbone, context, RPN and attention."""
    twin = copy.deepcopy(model).to(images.dtype)
    dense = twin(images)
    (dense.features.square().mean() + dense.objectness_logits.square().mean()).backward()
    found = [p.grad.flatten() for p in twin.parameters() if p.grad is not None]
    return torch.cat(found).double()


def test_network_with_kernels_is_as_near_to_the_truth_as_without() -> None:
    torch.manual_seed(0)
    model = place(ThunderNet(ThunderNetConfig()), torch.device("cpu"))
    images = random_map(3, 96)
    truth = gradient_of_network(model, images.double())
    ours = gradient_of_network(model, images)
    with library.disabled():
        theirs = gradient_of_network(model, images)
    # Small batches amplify rounding: what counts is not to be worse than torch in single precision.
    error, usual = (ours - truth).norm(), (theirs - truth).norm()
    assert error <= 2 * usual
    assert error <= 0.05 * truth.norm()


def test_layers_keep_names_and_outputs_in_evaluation() -> None:
    plain = nn.Sequential(nn.Conv2d(4, 16, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    layers = Layers(*copy.deepcopy(plain))
    assert layers.state_dict().keys() == plain.state_dict().keys()
    x = random_map(4, 5)
    assert torch.equal(layers.eval()(x), plain.eval()(x))


@pytest.mark.parametrize(
    "norm",
    [
        nn.SyncBatchNorm(16),
        nn.BatchNorm2d(16, affine=False),
        nn.BatchNorm2d(16, track_running_stats=False),
        nn.BatchNorm2d(16, momentum=None),
        nn.BatchNorm2d(16).eval(),
        nn.ReLU(),
    ],
)
def test_what_the_kernel_does_not_know_is_left_to_torch(norm: nn.Module) -> None:
    assert not batch_norm.serves(random_map(16, 4), norm)


def test_other_types_and_layouts_are_left_to_torch() -> None:
    norm, x = nn.BatchNorm2d(16), random_map(16, 4)
    assert not batch_norm.serves(x.contiguous(), norm)
    assert not batch_norm.serves(x.double(), norm)
    assert not batch_norm.serves(x.bfloat16(), norm)


def test_missing_compiler_gives_its_reason_and_torch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler")
    broken = Library()
    assert broken.load() is None
    assert "no-such-compiler" in broken.reason
    assert not broken.serves(torch.zeros(1))


def test_failing_compiler_gives_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "false")
    broken = Library()
    assert broken.load() is None
    assert broken.reason
    assert not list(cache_folder().glob("*.so"))
