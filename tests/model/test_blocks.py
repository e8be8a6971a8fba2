"""The kinds of z-layer: the same depth, shapes and sizes that are planned, for all of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zmodel.model.blocks.gru import windows
from zmodel.model.layer_plan import plan_network
from zmodel.model.znet import BLOCKS, ZNet

NEW = [name for name in BLOCKS if name != "conv"]
POSITIONS = ["gru", "attention"]


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("shape", [(2, 21), (3, 7, 10)])
def test_depth_means_the_same_for_every_kind(block: str, shape: tuple[int, ...]) -> None:
    kinds = [ZNet(shape, 3, z_layers=4, width=8, kernel_size=[5, 3], block=b) for b in BLOCKS]
    net, a = kinds[list(BLOCKS).index(block)], torch.randn(2, *shape)
    lengths = []
    for layer in net.layers:
        a = layer(a)
        lengths.append(tuple(a.shape[1:]))
    expected = [(8, *(-(-n // 2**depth) for n in shape[1:])) for depth in range(1, 5)]
    assert lengths == expected
    assert len({net.head.in_features for net in kinds}) == 1
    none = ZNet(shape, 3, z_layers=0, block=block)
    assert size(none) == 3 * (torch.Size(shape).numel() + 1)


def test_weights_of_a_conv_layer_are_called_as_ever() -> None:
    """Checkpoints and model folders of earlier versions hold these names."""
    layer = ZNet((1, 9), 2, 1, 4, norm="layer", residual=True).layers[0]
    names = ["z.weight", "z.bias", "norm.weight", "norm.bias", "projection.weight"]
    assert list(layer.state_dict()) == names


@pytest.mark.parametrize("block", NEW)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("shape", [(9,), (2, 12), (2, 6, 5)])
def test_planned_size_is_the_real_one(block: str, shape: tuple[int, ...], norm: str) -> None:
    if len(shape) == 1 and block in POSITIONS:
        return
    keys = {"growth": 1.5, "norm": norm, "pool": "mean", "dropout": 0.1, "block": block}
    count = size(ZNet(shape, 3, 4, 5, **keys))
    assert size(ZNet(shape, 3, 4, 5, max_parameters=count, **keys)) == count
    with pytest.raises(ValueError, match=f"received {count:,}"):
        ZNet(shape, 3, 4, 5, max_parameters=count - 1, **keys)


@pytest.mark.parametrize("block", NEW)
@pytest.mark.parametrize("shape", [(1, 1), (1, 16), (2, 5, 7)])
@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (3, None), (3, 0)])
def test_any_depth_fits_any_length(
    block: str, shape: tuple[int, ...], stride: int, padding: int | None
) -> None:
    keys = {"kernel_size": [5, 1, 7], "stride": stride, "padding": padding, "block": block}
    net = ZNet(shape, 3, 6, 4, **keys)
    net(torch.randn(2, *shape)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("shape", [(2, 11), (2, 6, 5)])
def test_windows_are_what_a_convolution_weighs(shape: tuple[int, ...]) -> None:
    (plan,) = plan_network(shape, 1, 4, 1.0, 5, 2, 1, "auto", "flatten").layers
    convolution = (nn.Conv1d if len(shape) == 2 else nn.Conv2d)(2, 4, 5, 2, 1, bias=False)
    a = torch.randn(3, *shape)
    weighed = windows(a, plan) @ convolution.weight.flatten(1).T
    torch.testing.assert_close(weighed.transpose(1, 2), convolution(a).flatten(2))


def test_the_gru_of_the_paper() -> None:
    """Read value by value; the classifier sees all states."""
    net = ZNet((1, 40), 10, z_layers=1, width=12, kernel_size=1, stride=1, block="gru")
    gru, head = nn.GRU(1, 6, batch_first=True, bidirectional=True), nn.Linear(480, 10)
    assert size(net) == size(gru) + size(head) == 5134
    gru.load_state_dict(net.layers[0].gru.state_dict())
    x = torch.randn(8, 1, 40)
    states = gru(x.transpose(1, 2))[0].transpose(1, 2)
    torch.testing.assert_close(net(x), net.head(states.flatten(1)))


def test_without_weights_the_way_past_is_left() -> None:
    residual = ZNet((4, 6), 2, 1, 4, stride=1, block="residual").layers[0]
    attention = ZNet((4, 6), 2, 1, 4, stride=1, block="attention", norm="layer").layers[0]
    for layer in (residual.z2, attention.mix, attention.contract):
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)
    a = torch.randn(2, 4, 6)
    assert torch.equal(residual(a), a.relu())
    assert torch.equal(attention(a), attention.z(a))


def test_attention_is_torchs() -> None:
    layer = ZNet((3, 9), 2, 1, 8, stride=1, block="attention").layers[0]
    theirs = nn.MultiheadAttention(8, 4, batch_first=True)
    theirs.in_proj_weight.data = layer.queries_keys_values.weight[..., 0].data
    theirs.in_proj_bias.data = layer.queries_keys_values.bias.data
    theirs.out_proj.weight.data = layer.mix.weight[..., 0].data
    theirs.out_proj.bias.data = layer.mix.bias.data
    x = torch.randn(2, 8, 9)
    tokens = x.transpose(1, 2)
    mixed = layer.mix(layer._attention(x)).transpose(1, 2)
    torch.testing.assert_close(mixed, theirs(tokens, tokens, tokens)[0])


@pytest.mark.parametrize(("block", "width"), [("conv", 5), ("gru", 6), ("attention", 8)])
def test_widths_are_rounded_up_to_what_a_kind_needs(block: str, width: int) -> None:
    net = ZNet((1, 8), 2, z_layers=1, width=5, block=block, pool="mean")
    assert net.head.in_features == width


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"block": "gruu"}, "block must be .*did you mean gru"),
        ({"block": "gru", "input_shape": (9,)}, "needs positions.*use block=conv or residual"),
        ({"block": "attention", "kind": "dense"}, "needs positions"),
        ({"block": "residual", "residual": True}, "received block=residual and residual=True"),
    ],
)
def test_bad_arguments(keys: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZNet(**{"input_shape": (1, 40), "num_classes": 10, **keys})


@pytest.mark.parametrize("keys", [{}, {"norm": "batch", "dropout": 0.1}])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("shape", [(2, 80), (3, 12, 12)])
def test_the_estimate_is_what_autograd_keeps(
    block: str, shape: tuple[int, ...], keys: dict
) -> None:
    net, x = ZNet(shape, 10, 3, 32, block=block, **keys), torch.randn(8, *shape)
    weights = {p.untyped_storage()._cdata for p in net.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(x)
    bytes_kept = sum(storage.nbytes() for storage in kept.values())
    assert bytes_kept == pytest.approx(4 * 8 * net.activations, rel=0.25)
