"""Tells when z-layers see far less of a sample at once than it is long.

With `pool=mean` the classifier does not know where a position is: a pattern that is longer than the
receptive field cannot be told from its pieces. With `flatten` it can, and nothing is said.
"""

from __future__ import annotations

from zmodel.model.layer_plan import NetworkPlan

FAR_SHORTER = 50
"""A receptive field fits into the sample more often. At 25 times, longer kernels gained nothing
clear: OSULeaf, .907 with 17 of 427 positions and .917 with 57."""
ADVISED = 10
"""The advised kernel makes a receptive field that fits in so often."""


def short_sight(plan: NetworkPlan, convolutions: int) -> str | None:
    """A warning that says what to set; None: there is nothing to say.

    Args:
        convolutions: that a z-layer makes one after the other; 0: it sees the whole sample.
    """
    if not plan.mean_pool or not plan.layers or not convolutions:
        return None
    length, kernels = max(plan.layers[0].in_shape[1:]), [la.kernel for la in plan.layers]
    field, steps = 1, 0
    for kernel, jump in zip(kernels, _jumps(plan, convolutions), strict=True):
        field, steps = field + (kernel - 1) * jump, steps + jump
    if field * FAR_SHORTER >= length:
        return None
    wanted = 1 + 2 * -(-(length / ADVISED - 1) // (2 * steps))
    return (
        f"the z-layers see {field} of {length} positions at once, and model.pool=mean forgets "
        "their order: where longer patterns tell samples apart, set "
        f"model.kernel_size={wanted:.0f}, or a larger model.z_layers."
    )


def _jumps(plan: NetworkPlan, convolutions: int) -> list[int]:
    """By z-layer, how far apart in the sample the positions are that its kernels read, added up
    over its convolutions, of which the first has the stride."""
    found, jump = [], 1
    for layer in plan.layers:
        after = jump * layer.stride[0]
        found.append(jump + (convolutions - 1) * after)
        jump = after
    return found
