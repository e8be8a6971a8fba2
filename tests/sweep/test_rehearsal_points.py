"""Points of a search space that are tried before the first trial."""

import pickle

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from runs import CONF

from zmodel.sweep.space.parse import parse_space
from zmodel.sweep.space.rehearsal_points import params_at, points, with_value


def test_ends_of_numbers_and_every_choice():
    space = parse_space(
        {
            "lr": "tag(log, interval(0.001, 0.1))",
            "layers": "int(interval(1, 5))",
            "batch": "choice(100, 50, 200)",
            "norm": "choice(none, batch, layer)",
            "flag": "choice(false, true)",
            "one": "range(3, 4)",
        },
        [],
    )
    low, high, third = points(space)
    assert low == {
        "lr": 0.001, "layers": 1, "batch": 50, "norm": "none", "flag": False, "one": 3,
    }  # fmt: skip
    assert high == low | {"lr": 0.1, "layers": 5, "batch": 200, "norm": "batch", "flag": True}
    assert third == low | {"norm": "layer"}


def test_every_end_is_tried_where_it_exists():
    space = parse_space(
        {
            "layers": "int(interval(1, 3))",
            "second": {"space": "int(interval(4, 8))", "when": "layers >= 2"},
            "net": "choice(mlp, cnn)",
            "opt": {"space": "choice(sgd, adam)", "when": "net == 'cnn'"},
            "lr": "interval(0, 1)",
            "deep": {"space": "choice(a, b)", "when": "opt == 'adam' and lr > 0.5 and lr < 1"},
        },
        [],
    )
    tried = [params_at(point, space, None) for point in points(space)]
    assert tried[0] == {"layers": 1, "net": "mlp", "lr": 0}
    assert tried[1] == {"layers": 3, "second": 8, "net": "cnn", "opt": "adam", "lr": 1}
    seen = {(name, value) for params in tried for name, value in params.items()}
    assert seen >= {("second", 4), ("opt", "sgd"), ("deep", "a"), ("deep", "b")}
    assert len(tried) == 6
    alone = with_value("deep", "b", points(space)[0], space)
    assert params_at(alone, space, None) == {
        "layers": 1, "net": "cnn", "opt": "adam", "lr": 0.75, "deep": "b",
    }  # fmt: skip


def test_every_choice_of_a_group_is_tried_also_when_they_are_numbers():
    with initialize_config_dir(str(CONF)):
        loader = GlobalHydra.instance().config_loader()
    space = parse_space(
        {"model.width": "1,2,3"}, ["trainer=glob(*)", "data@other=1,2,3"], None, loader
    )
    assert space.groups == {"trainer", "data@other"}
    found = points(pickle.loads(pickle.dumps(space)))
    assert {point["trainer"] for point in found} == {p.stem for p in CONF.glob("trainer/*.yaml")}
    assert {point["data@other"] for point in found} == {1, 2, 3}
    assert {point["model.width"] for point in found} == {1, 3}
