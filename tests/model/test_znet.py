from __future__ import annotations

import math

import pytest
import torch

from zmodel.model.blocks.block import ACTIVATIONS, NORMS
from zmodel.model.znet import ZNet


def size(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def expected_size(
    shape: tuple[int, ...], classes: int, depth: int, width: int, kernel: int, dense: bool
) -> int:
    """Written out by hand: stride 2, equal widths, no norm, no residual, flatten."""
    if dense:
        first, rest = math.prod(shape) * width + width, width * width + width
        features = width if depth else math.prod(shape)
    else:
        axes, taps = shape[1:], kernel ** len(shape[1:])
        first, rest = shape[0] * width * taps + width, width * width * taps + width
        features = (width if depth else shape[0]) * math.prod(-(-n // 2**depth) for n in axes)
    hidden = first + (depth - 1) * rest if depth else 0
    return hidden + features * classes + classes


@pytest.mark.parametrize("depth", range(7))
@pytest.mark.parametrize(
    ("shape", "kind"),
    [((7,), "auto"), ((2, 40), "auto"), ((3, 8, 11), "auto"), ((1, 40), "dense"), ((1, 1), "auto")],
)
def test_size_and_output_per_depth(shape: tuple[int, ...], kind: str, depth: int) -> None:
    net = ZNet(shape, 5, z_layers=depth, width=6, kernel_size=3, kind=kind)
    dense = kind == "dense" or len(shape) == 1
    assert size(net) == expected_size(shape, 5, depth, 6, 3, dense)
    assert net(torch.randn(4, *shape)).shape == (4, 5)


def test_paper_network() -> None:
    net = ZNet((1, 40), 10, z_layers=3, width=25, kernel_size=[5, 3, 3], stride=2, padding=1)
    reference = torch.nn.Sequential(
        torch.nn.Conv1d(1, 25, 5, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv1d(25, 25, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv1d(25, 25, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(125, 10),
    )
    assert size(net) == size(reference) == 5210
    assert size(ZNet((1, 40), 10, kernel_size=[5, 3, 3])) == 5210
    for mine, theirs in zip(net.parameters(), reference.parameters(), strict=True):
        theirs.data.copy_(mine.data)
    x = torch.randn(8, 1, 40)
    assert torch.equal(net(x), reference(x))


def test_no_z_layer_is_logistic_regression() -> None:
    net = ZNet((3, 4, 5), 4, z_layers=0)
    (weight, bias) = net.parameters()
    x = torch.randn(6, 3, 4, 5)
    torch.testing.assert_close(net(x), x.reshape(6, 60) @ weight.T + bias)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 16, 33])
@pytest.mark.parametrize("padding", [None, 0, 1])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_any_depth_fits_any_length(length: int, padding: int | None, stride: int) -> None:
    """Also with every kernel, a residual on top, and two axes of different length."""
    for shape in ((1, length), (2, length, 7)):
        net = ZNet(
            shape, 3, 9, 4, kernel_size=[5, 1, 7], stride=stride, padding=padding, residual=True
        )
        a = torch.randn(2, *shape)
        for layer in net.layers:
            before, a = a.shape[2:], layer(a)
            assert all(1 <= new <= old for new, old in zip(a.shape[2:], before, strict=True))
        assert net(torch.randn(2, *shape)).shape == (2, 3)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("shape", [(9,), (2, 12), (2, 6, 5)])
def test_planned_size_is_the_real_one(shape: tuple[int, ...], norm: str, residual: bool) -> None:
    keys = {"growth": 1.5, "norm": norm, "residual": residual, "pool": "mean", "dropout": 0.1}
    count = size(ZNet(shape, 3, 4, 5, **keys))
    assert size(ZNet(shape, 3, 4, 5, max_parameters=count, **keys)) == count
    with pytest.raises(ValueError, match=f"received {count:,}"):
        ZNet(shape, 3, 4, 5, max_parameters=count - 1, **keys)


@pytest.mark.parametrize(
    ("shape", "depth", "positions"),
    [
        ((2, 256), 3, 32), ((2, 257), 3, 1), ((2, 257), 0, 257), ((1, 64, 64), 3, 64),
        ((1, 9, 65), 3, 1), ((300,), 3, 1),
    ],
)  # fmt: skip
def test_auto_pools_what_is_long(shape: tuple[int, ...], depth: int, positions: int) -> None:
    net = ZNet(shape, 3, depth, 7, pool="auto")
    assert net.head.in_features == positions * (7 if depth else shape[0])
    assert net(torch.randn(2, *shape)).shape == (2, 3)


def test_widths_grow() -> None:
    net = ZNet((30,), 2, z_layers=4, width=3, growth=0.5)
    assert [layer.z.out_features for layer in net.layers] == [3, 2, 1, 1]


def test_residual_adds_the_input() -> None:
    """Without weights only the shortcut is left: identity, or the projection of the centres."""
    net = ZNet((4, 6), 2, z_layers=1, width=4, stride=1, residual=True)
    layer = net.layers[0]
    assert not list(layer.projection.parameters())
    torch.nn.init.zeros_(layer.z.weight)
    torch.nn.init.zeros_(layer.z.bias)
    a = torch.randn(2, 4, 6)
    assert torch.equal(layer(a), a)

    layer = ZNet((1, 9), 2, z_layers=1, width=1, kernel_size=5, padding=1, residual=True).layers[0]
    for parameter in (layer.z.weight, layer.z.bias):
        torch.nn.init.zeros_(parameter)
    torch.nn.init.ones_(layer.projection.weight)
    a = torch.arange(9.0).view(1, 1, 9)
    assert layer(a).flatten().tolist() == [1, 3, 5, 7]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_train(activation: str) -> None:
    net = ZNet((1, 8), 2, activation=activation, norm="layer", dropout=0.2)
    net(torch.randn(3, 1, 8)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"z_layers": -1}, "z_layers must be .* at least 0, received -1"),
        ({"z_layers": 2.5}, "z_layers .*2.5"),
        ({"z_layers": 1000}, "z_layers .*200, received 1,000.* max_z_layers"),
        ({"width": 0}, "width must be .* at least 1, received 0"),
        ({"width": 10**6}, "parameters .*50,000,000, received 6,000,0"),
        ({"growth": 0.0}, "growth .*above 0"),
        ({"growth": 1e60, "z_layers": 9}, "must stay finite"),
        ({"kernel_size": 4}, "kernel_size must be odd.*received 4; use 3 or 5"),
        ({"kernel_size": []}, "kernel_size "),
        ({"kernel_size": "[5,3]"}, "kernel_size "),
        ({"stride": 0}, "stride must be"),
        ({"padding": -1}, "padding must be"),
        ({"norm": "bach"}, "norm must be .*did you mean batch"),
        ({"activation": "gellu"}, "activation must be .*did you mean gelu"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), received 1.0"),
        ({"dropout": -0.1}, "dropout must lie"),
        ({"kind": "conv3d"}, "kind must be .*did you mean conv"),
        ({"kind": "conv2d"}, r"kind=conv2d works on shapes of 3 dimensions, received.*\(1, 40\)"),
        ({"pool": "men"}, "did you mean mean"),
        ({"num_classes": 0}, "num_classes must be .* at least 1"),
        ({"input_shape": (1, 2, 3, 4)}, "input_shape must be"),
        ({"input_shape": "28"}, "input_shape .*28"),
        ({"input_shape": (1, 0)}, "every entry of input_shape must be .* at least 1, received 0"),
    ],
)
def test_bad_arguments(keys: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZNet(**{"input_shape": (1, 40), "num_classes": 10, **keys})
