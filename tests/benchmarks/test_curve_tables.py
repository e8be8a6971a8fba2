"""Networks that are trained together do what one network does; rules are replayed as told."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from reports import make_study

from zmodel.analysis import load
from zmodel.analysis.page import render
from zmodel.data import MNIST1D
from zmodel.model.znet import ZNet
from zmodel.sweep.stopping.depth_halving import DepthHalving

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import bare  # noqa: E402
import told  # noqa: E402
from curve_tables import (  # noqa: E402
    from_study,
    parts,
    picture,
    replay,
    report,
    rules,
    settings,
    simulation,
    surrogate,
    table,
)
from curve_tables.networks import Networks  # noqa: E402
from curve_tables.recipe import Config, Data, Recipe  # noqa: E402
from curve_tables.training import Ends, one_cycle  # noqa: E402

DATA = Path.home() / ".cache" / "zmodel-tests"
WIDTHS = (5, 9, 16)
CLASSES = 7


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def configs(depth: int = 3, batch_size: int = 20) -> list[Config]:
    return [
        Config(depth, width, 0.003 * width, 0.01 * width, 0.0, batch_size, 0, width)
        for width in WIDTHS
    ]


def copy_weights(networks: Networks, i: int, net: ZNet, width: int) -> None:
    """Network number `i` of many into a single one."""
    parts = iter(networks.parameters)
    with torch.no_grad():
        for layer in net.layers:
            weight = layer.z.weight
            copies = weight[0, 0].numel()
            mine = next(parts)[i].view(-1, copies, max(WIDTHS))
            assert not mine[weight.shape[1] :].any(), "padding stays 0"
            mine = mine[: weight.shape[1], :, :width]
            weight.copy_(mine.permute(2, 0, 1).reshape(weight.shape))
            layer.z.bias.copy_(next(parts)[i, 0, :width])
            if networks.recipe.batch_norm:
                next(parts), next(parts)
        weight, bias = next(parts)[i], next(parts)[i, 0]
        positions = net.head.weight.shape[1] // width
        mine = weight.view(-1, positions, CLASSES)[:width].reshape(-1, CLASSES)
        net.head.weight.copy_(mine.T)
        net.head.bias.copy_(bias)


@pytest.mark.parametrize(
    ("shape", "norm", "activation", "decoupled", "kernels"),
    [
        ((1, 40), True, "relu", True, (5, 3, 3)),
        ((1, 8, 8), False, "sigmoid", False, (3,)),
        ((2, 8), True, "tanh", True, (3,)),
        ((16,), False, "relu", False, (1,)),
    ],
)
def test_each_of_many_trains_as_it_would_alone(double, shape, norm, activation, decoupled, kernels):
    torch.manual_seed(0)
    x, y = torch.randn(60, *shape), torch.randint(0, CLASSES, (60,))
    last = x.movedim(1, -1) if x.dim() > 2 else x
    parts = ("train", "val", "test")
    data = Data(dict.fromkeys(parts, last), dict.fromkeys(parts, y), CLASSES)
    recipe = Recipe(activation, norm, decoupled, 0.1, kernels)
    many = Networks(configs(), recipe, data)
    single = []
    for i, config in enumerate(many.configs):
        norms = "batch" if norm else "none"
        net = ZNet(
            shape, CLASSES, 3, config.width, kernel_size=kernels, norm=norms, activation=activation
        )
        copy_weights(many, i, net, config.width)
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        adam = kind(net.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        single.append((net, adam))
    for _ in range(4):
        rows = torch.stack([torch.randperm(60)[:20] for _ in WIDTHS])
        many.step(rows)
        for (net, adam), batch in zip(single, rows, strict=True):
            net.train()
            adam.zero_grad()
            out = net.layers(x[batch])
            out = net.head(out.flatten(1))
            torch.nn.functional.cross_entropy(out, y[batch], label_smoothing=0.1).backward()
            adam.step()
    outputs = many.outputs(last.unsqueeze(0).expand(len(WIDTHS), *last.shape), train=False)
    accuracy, loss = many.evaluate("val")
    for i, (net, _) in enumerate(single):
        net.eval()
        alone = net.head(net.layers(x).flatten(1))
        torch.testing.assert_close(outputs[i], alone, rtol=0, atol=1e-8)
        assert accuracy[i] == (alone.argmax(1) == y).double().mean()
        torch.testing.assert_close(loss[i], torch.nn.functional.cross_entropy(alone, y))


def test_dropped_and_shifted_samples():
    x = torch.arange(12.0).view(1, 1, 12, 1).expand(2, 50, 12, 1)
    data = Data({"train": x[0], "val": x[0]}, {"train": torch.zeros(50).long()}, 2)
    given = [
        Config(1, 8, 0.01, 0.0, dropout, 50, shift, 0) for dropout, shift in ((0.0, 0), (0.5, 2))
    ]
    many = Networks(given, Recipe(kernels=(3,)), data)
    torch.manual_seed(0)
    shifted = many._shifted(x)[..., 0]
    assert torch.equal(shifted[0], x[0, ..., 0])
    assert {int(row[0]) for row in shifted[1]} == {10, 11, 0, 1, 2}
    assert all(sorted(row.tolist()) == list(range(12)) for row in shifted[1])
    many.step(torch.arange(50).expand(2, 50))
    assert many.chance[:, 0].flatten().tolist() == [1.0, 0.5]


def test_a_run_cools_down_as_the_callback_does():
    recipe = Recipe(epochs=40, patience=3, patience_steps=5, cooldown=0.5)
    ends = Ends(recipe, np.array([0.1, 0.1]))
    accuracy = np.array([[0.5, 0.1 + 0.01 * e] for e in range(40)])
    loss = np.ones((40, 2))
    for epoch in range(40):
        ends.observe(epoch + 1, 2 * (epoch + 1), accuracy[epoch], loss[epoch])
    assert ends.cooled.tolist() == [4, 27], "3 epochs after the first; in time for the last"
    assert ends.end.tolist() == [6, 40]
    assert np.allclose([ends.rates(e)[0] for e in (3, 4, 5)], [0.1, 0.075, 0.025])


def test_one_cycle_is_that_of_torch():
    total = 50
    parameter = torch.nn.Parameter(torch.zeros(1))
    adam = torch.optim.AdamW([parameter], lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=0.01, total_steps=total)
    for step in range(total - 1):
        factor, beta = one_cycle(step, total)
        group = adam.param_groups[0]
        assert (0.01 * factor, beta) == pytest.approx((group["lr"], group["betas"][0]))
        adam.step()
        schedule.step()


# --- replays ---


@pytest.fixture
def small(tmp_path) -> table.Table:
    """20 runs at two depths; run r ends at epoch 16, or at 8 if r is even, with accuracy r / 20."""
    curves = np.full((20, 16, 5), np.nan, np.float32)
    ends = np.where(np.arange(20) % 2, 16, 8)
    for row, end in enumerate(ends):
        rise = np.linspace(0.1, 1, end)
        curves[row, :end, 0] = row / 20 * rise
        curves[row, :end, 4] = row / 20 * rise - 0.01
    made = [Config(1 + row // 10, 16, 0.01, 0.1, 0, 100, 0, row) for row in range(20)]
    table.save(tmp_path / "x.npz", made, {"curves": curves, "ends": ends})
    return table.Table(tmp_path / "x.npz")


def test_a_table_keeps_the_best_epoch(small):
    assert small.length.tolist() == [8, 16] * 10
    assert small.best[19, -1] == pytest.approx(0.95)
    assert small.test[18, -1] == pytest.approx(0.89)


@pytest.mark.parametrize("name", settings.SETTINGS)
def test_the_tables_kept_here_are_of_their_settings(name):
    kept = table.Table(Path(replay.__file__).parents[1] / "tables" / f"{name}.npz")
    setting = settings.SETTINGS[name]
    drawn = setting.configs(len(kept.config))
    assert len(drawn) >= 450 and kept.epochs == setting.recipe.epochs
    np.testing.assert_allclose(kept.config, [list(vars(config).values()) for config in drawn])
    ended = np.arange(kept.epochs) >= kept.length[:, None]
    assert (np.isnan(kept.curves[:, :, 0]) == ended).all() and kept.test.max() < 1


def test_of_equal_epochs_the_one_with_the_lowest_loss_is_kept():
    accuracy = np.array([[0.5, 0.7, 0.7, 0.6, 0.7, 0.8], [0.5, 0.5, 0.4, -1, -1, -1]])
    loss = np.array([[1.0, 0.9, 0.8, 0.1, 0.85, 2.0], [0.9, 1.0, 0.1, np.nan, np.nan, np.nan]])
    kept = table.kept_epochs(accuracy, loss)
    assert kept.tolist() == [[0, 1, 2, 2, 2, 5], [0, 0, 0, 0, 0, 0]]


def test_every_rule_meets_the_same_runs_in_the_same_order(small):
    pool = {d: np.flatnonzero(small.depth == d) for d in (1, 2)}

    def met(rule):
        study = simulation.Study(small, pool, 100, np.random.default_rng(0)).run(rule())
        return {d: [t.row for t in study.trials if t.depth == d] for d in (1, 2)}

    by_rule = [met(rule) for rule in {**rules.USUAL, **rules.OURS}.values()]
    for depth in (1, 2):
        longest = max((rows[depth] for rows in by_rule), key=len)
        assert all(rows[depth] == longest[: len(rows[depth])] for rows in by_rule)


def test_an_interval_is_as_wide_as_tables_differ():
    rng = np.random.default_rng(0)
    tables, studies = rng.normal(0, 3, (4000, 1)), rng.normal(0, 4, (4000, 5))
    mean, half = replay.interval(1.0 + tables + studies)
    assert mean == pytest.approx(1.0, abs=0.2)
    assert half == pytest.approx(1.645 * 3.0, rel=0.05), "not narrower with more resamples"
    assert replay.interval(1.0 + studies)[1] < 1.645, "studies alone are averaged out"


def test_percentiles_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=(7, 9))
    values[[1, 3, 3, 5], [8, 8, 7, 6]] = np.nan
    for q in (50, 75):
        np.testing.assert_allclose(rules._percentile(values, q), np.nanpercentile(values, q, 0))


def fake_results(rng) -> dict[str, replay.Result]:
    none = np.zeros((20, 10), int)
    return {
        name: replay.Result(0.8 + rng.normal(0, 0.05, (20, 10)), none.copy(), none + 9, none + 4)
        for name in (*rules.USUAL, *rules.OURS)
    }


def test_every_cell_is_a_row_and_a_point():
    found = {"tanh": {10: fake_results(np.random.default_rng(0))}}
    ours = found["tanh"][10]["depth_halving"]
    ours.left_behind[0, :5] = 1
    ours.test[:] = found["tanh"][10]["median"].test + 0.02
    lines = [dict(zip(report.COLUMNS, row, strict=True)) for row in report.rows(found, "tpe", 8)]
    assert len(lines) == len(rules.USUAL) + len(rules.OURS)
    last = lines[-1]
    assert (last["rule"], last["sampling"], last["workers"], last["budget"]) == (
        ("depth_halving", "tpe", 8, 10)
    )
    assert last["test"] == f"{ours.test.mean():.4f}" and last["left_behind"] == "0.025"
    by_rule = {line["rule"]: line for line in lines}
    assert by_rule["median"]["ours_minus_it"] == "0.0200"
    assert by_rule["median"]["half_width"] == "0.0000"
    assert (last["begun"], last["completed"], last["studies"]) == ("9.0", "4.0", 200)
    figure = render.draw(picture, found)
    for panel in figure.axes[-2:]:
        best = max(rules.USUAL, key=lambda name: found["tanh"][10][name].test.mean())
        gain = (ours.test - found["tanh"][10][best].test).mean()
        (points,) = [line for line in panel.lines if line.get_marker() == "o"]
        assert points.get_xdata()[0] == pytest.approx(gain)
    for result in found["tanh"][10].values():
        result.left_behind[0, 0] = 1
    assert report.against_the_best(found, [10]).splitlines()[-1].split(" | ")[4:6] == ["-", "-"]
    every, none = render.draw(picture, found).axes[-2:]
    assert len(every.lines) > len(none.lines)


def test_a_changed_constant_is_compared_with_the_rule_as_it_is():
    rng = np.random.default_rng(0)
    none = np.zeros((20, 10), int)
    shipped = {b: replay.Result(rng.normal(0.8, 0.05, (20, 10)), none, none, none) for b in (1, 2)}
    better = {1: 0.01, 2: 0.03}
    found = {
        "tanh": {
            b: {
                name: one if name == "depth_halving" else replay.Result(
                    one.test + better[b], none + (b == 2), none, none
                )
                for name in parts.RULES
            }
            for b, one in shipped.items()
        }
    }  # fmt: skip
    lines = parts.against_shipped(found, [1, 2]).splitlines()[2:]
    assert len(lines) == len(parts.CHANGES)
    for line in lines:
        assert line.split(" | ")[1:] == ["+200 ± 0", "+200 ± 0", "50% |"]


def test_a_part_is_the_rule_with_that_constant():
    for name, value in parts.CHANGES:
        made = parts.RULES[f"{name}={value:.3g}"]().rule
        assert made == replace(DepthHalving(), **{name: value})


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("name", [*rules.USUAL, *rules.OURS])
def test_every_rule_spends_the_budget_and_no_more(small, name, workers):
    pool = {d: np.flatnonzero(small.depth == d) for d in (1, 2)}
    rule = {**rules.USUAL, **rules.OURS}[name]()
    study = simulation.Study(small, pool, 200, np.random.default_rng(0), workers).run(rule)
    assert sum(trial.epochs for trial in study.trials) == study.committed <= 200
    assert study.committed > 200 - 16
    assert study.chosen().state == "complete"
    for trial in study.trials:
        assert (trial.state == "complete") == (trial.epochs == small.length[trial.row])


def test_no_stopping_chooses_the_best_of_what_it_saw(small):
    pool = {d: np.flatnonzero(small.depth == d) for d in (1, 2)}
    study = simulation.Study(small, pool, 240, np.random.default_rng(0)).run(rules.NoStopping())
    rows = [trial.row for trial in study.trials if trial.state == "complete"]
    assert study.chosen().row == max(rows)
    assert study.test() == pytest.approx(max(rows) / 20 - 0.01)
    assert len(rows) == len(set(rows)) == 20


def test_the_rule_of_the_sweeper_leaves_no_depth_behind(small):
    pool = {d: np.flatnonzero(small.depth == d) for d in (1, 2)}
    for seed in range(5):
        study = simulation.Study(small, pool, 60, np.random.default_rng(seed)).run(rules.Halving())
        assert study.left_behind() == 0


def test_what_a_replay_finds_does_not_depend_on_its_processes(small):
    few = {"depth_halving": rules.Halving, "none": rules.NoStopping}
    one, two = (replay.replay(small, few, 3, replay.Repeats(4, 2, jobs=n)) for n in (1, 2))
    for name in few:
        for found, same in zip(vars(one[name]).values(), vars(two[name]).values(), strict=True):
            assert found.shape == (4, 2)
            np.testing.assert_array_equal(found, same)


def test_the_bare_loop_trains_on_the_samples_of_the_data_module():
    data = MNIST1D(data_dir=DATA)
    x, y, val_x, val_y = bare.load(DATA)
    assert torch.equal(x, data.samples_of("train")[0]) and len(x) == len(y)
    assert torch.equal(val_y, data.samples_of("val")[1]) and len(val_x) == len(val_y)


def test_a_surrogate_knows_the_rows_and_what_lies_between(tmp_path):
    """Curves that rise with the width, to .5 + width / 200."""
    setting, rng = settings.SETTINGS["mnist1d_tanh"], np.random.default_rng(0)
    drawn = setting.configs(60)
    top = np.array([0.5 + config.width / 200 for config in drawn])
    curves = np.zeros((60, 8, 5))
    curves[:, :, [0, 4]] = (top[:, None] * np.arange(1, 9) / 8)[:, :, None]
    table.save(tmp_path / "t.npz", drawn, {"curves": curves})
    made = surrogate.Surrogate(table.Table(tmp_path / "t.npz"), setting)
    params = {"z_layers": 3, "lr": 0.01, "weight_decay": 1e-4, "dropout": 0.1, "max_shift": 2}
    for width in (20, 50, 90):
        assert made.worth({**params, "width": width}) == pytest.approx(0.5 + width / 200, abs=0.02)
    curve = made.run({**params, "width": 50}, rng)
    assert curve.shape == (8,) and (np.diff(curve) >= 0).all()
    assert curve == pytest.approx(0.75 * np.arange(1, 9) / 8, abs=0.05)
    worth = [told.study(made, kind, True, 6, 0) for kind in told.KINDS]
    assert max(worth) > 0.85 and worth == [told.study(made, k, True, 6, 0) for k in told.KINDS]


def test_a_finished_study_is_a_table(tmp_path):
    make_study(tmp_path, "s", 40)
    study = load(tmp_path / "studies" / "s")
    assert from_study.save_study(study, tmp_path / "s.npz") == 40
    made = table.Table(tmp_path / "s.npz")
    first = next(t for t in study.trials if t.number == 0)
    curve = [first.curve[epoch] for epoch in sorted(first.curve)]
    assert made.depth[0] == first.params["model.z_layers"]
    assert made.length[0] == len(curve) and made.best[0, -1] == pytest.approx(max(curve))
    assert np.allclose(made.test, made.best), "judged by what it is chosen by"
    unit = simulation.features(made)
    assert unit.shape == (40, len(study.space)) and 0 <= unit.min() < unit.max() <= 1
    near = simulation.kernel(unit)
    repeats = replay.Repeats(2, 3, workers=2, sampler=partial(simulation.Tpe, near))
    (found,) = replay.replay(made, {"none": rules.NoStopping}, 10, repeats).values()
    assert found.test.shape == (2, 3) and found.test.max() <= max(t.value for t in study.trials)


def test_a_study_without_enough_curves_is_no_table(tmp_path):
    make_study(tmp_path, "s", 8)
    with pytest.raises(ValueError, match="has 8"):
        from_study.save_study(load(tmp_path / "studies" / "s"), tmp_path / "s.npz")
