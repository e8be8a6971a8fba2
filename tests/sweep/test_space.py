"""The search space: syntax in, exact overrides out, nothing but declared values let through."""

from __future__ import annotations

import pickle
import random
import re

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial, TrialState

from zmodel.core.equality import same
from zmodel.sweep.space.combinations import count_combinations
from zmodel.sweep.space.override_text import value_text
from zmodel.sweep.space.parse import parse_space

ODD_STRINGS = [
    "c=d", "it's", "x,y", "1", "1.0", "1e3", "true", "null", "", " ", " a ", "a b", "ß∂ü", "日本",
    "${x}", "${oc.env:HOME}", "a${b}c", "choice(1,2)", "[1,2]", "{a:1}", '"', "'", "\\", "\\'",
    "a\\\\'b\"", "line\nbreak", "tab\t", "~a", "+a", "a:b", "#x", "???", "-", "1_000", "nan", "inf",
    "trailing\\", "'quoted'", "(", "]", "a/b", "@x", "%", "Null", "TRUE", "0x1", "01",
]  # fmt: skip


def read(override: str) -> object:
    return OverridesParser.create().parse_override(override).value()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("choice(a, b)", CategoricalDistribution(["a", "b"])),
        ("a,b", CategoricalDistribution(["a", "b"])),
        ("choice(1, null)", CategoricalDistribution([1, None])),
        ("sort(choice(3, 1))", CategoricalDistribution([1, 3])),
        ("shuffle(choice(3, 1))", CategoricalDistribution([3, 1])),
        ("range(2,5)", IntDistribution(2, 4)),
        ("range(5,2,-1)", IntDistribution(3, 5)),
        ("range(1,10,4)", IntDistribution(1, 9, step=4)),
        ("shuffle(range(2,5))", IntDistribution(2, 4)),
        ("range(0,1,0.25)", FloatDistribution(0.0, 0.75, step=0.25)),
        ("range(0,1,0.1)", FloatDistribution(0.0, 0.9, step=0.1)),
        ("range(1,0,-0.1)", FloatDistribution(0.1, 1.0, step=0.1)),
        ("range(0,2000000000)", IntDistribution(0, 1_999_999_999)),
        ("range(0,100000,1e-6)", FloatDistribution(0, 99999.999999, step=1e-6)),
        ("float(range(1,4))", CategoricalDistribution([1.0, 2.0, 3.0])),
        ("interval(1,8)", FloatDistribution(1.0, 8.0)),
        ("int(interval(1,8))", IntDistribution(1, 8)),
        ("tag(log, interval(1e-4, 1e-1))", FloatDistribution(1e-4, 1e-1, log=True)),
        ("tag(log, int(interval(4, 64)))", IntDistribution(4, 64, log=True)),
        ("int(tag(log, interval(4, 64)))", IntDistribution(4, 64, log=True)),
    ],
)
def test_sweep_syntax_becomes_the_distribution(text: str, expected: object) -> None:
    assert parse_space({"a": text}, []).distributions == {"a": expected}
    if "null" not in text:  # Hydra's own command line has no `choice(null)`
        assert parse_space({}, [f"a={text}"]).distributions == {"a": expected}


@pytest.mark.parametrize(
    "value",
    [*ODD_STRINGS, 1, -3, 1.0, 1e-5, 1e22, float("inf"), True, False, None, 10**30]
    + [[1, "1", [True, None, "x,y"]], {"a": 1, "b": {"c": ["it's", ""]}}, {1: "x", "two": 2.0}, []],
    ids=repr,
)
def test_a_value_reads_back_as_itself(value: object) -> None:
    assert same(read(f"key={value_text(value)}"), value)


def test_random_strings_read_back_as_themselves() -> None:
    rng = random.Random(0)
    for _ in range(1500):
        text = "".join(rng.choices("ab1 \\'\"${}[](),:=~+-./é\n", k=rng.randint(0, 7)))
        assert same(read(f"key={value_text(text)}"), text)


def test_every_choice_survives_sampling_storage_and_override() -> None:
    choices = [*ODD_STRINGS, 2, 2.0, 1, True, None, [1, [2, "x,y"]], {"a": {"b": "it's"}}, 0.5]
    space = parse_space({"a": f"choice({','.join(map(value_text, choices))})"}, [])
    space = pickle.loads(pickle.dumps(space))
    study = optuna.create_study(storage="sqlite:///:memory:")
    found = []
    for stored in space.values("a"):
        study.enqueue_trial({"a": stored})
        trial = study.ask()
        [override] = space.overrides(space.suggest(trial))
        study.tell(trial, 0.0)
        [again] = space.overrides(space.validate(study.trials[-1].params))
        assert override == again
        found.append(read(override))
    for choice in choices:
        assert sum(same(choice, value) for value in found) == 1


def test_fixed_values_and_the_command_line_over_yaml() -> None:
    params = {"z": "range(1, 4)", "lr": "interval(0, 1)", "n": 3, "s": "c d", "l": [5, "x,y"]}
    space = parse_space(params, ["seed=3", "~old", "+new=1", "model=mlp", "n=4", "w=choice(1,2)"])
    assert list(space.distributions) == ["z", "lr", "w"]
    assert space.fixed[1:] == ["l=[5,'x,y']", "seed=3", "~old", "+new=1", "model=mlp", "n=4"]
    assert read(space.fixed[0]) == "c d"

    fixed = parse_space(params, ["z=2", "~lr"])
    assert not fixed.distributions and fixed.fixed[-2:] == ["z=2", "~lr"]
    swept = parse_space(params, ["z=choice(7, 8)", "n=1,2"])
    assert swept.values("z") == [7, 8] and swept.values("n") == [1, 2]


@pytest.mark.parametrize(
    ("params", "arguments", "message"),
    [
        ({"a": "int(interval(8, 1))"}, [], "a: the lower bound must not exceed.*8 > 1"),
        ({"a": "range(5, 5)"}, [], r"a: range\(5, 5, 1\) is empty"),
        ({"a": "range(0, inf)"}, [], "a: the ends and the step"),
        ({"a": "range(0, 1, 0)"}, [], "a: the step of a range"),
        ({"a": "range(0, 1e9, 1e-9)"}, [], "a: .*more digits than a float"),
        ({"a": "float(range(0, 2000000000))"}, [], "a has 2,000,000,000 values"),
        ({"a": "tag(log, interval(0, 1))"}, [], "a: a log scale needs a lower bound above 0"),
        ({"a": "tag(lgo, interval(1, 2))"}, [], "a: the only tag is `log`"),
        ({"a": "rang(1, 3)"}, [], r"a: cannot read.*range\(2, 5\) for 2 3 4"),
        ({"a": "interval(1, 3"}, [], r"a: cannot read.*int\(interval\(1, 8\)\)"),
        ({"a": "it's"}, [], "odd strings go into quotes"),
        ({"a": "choice(1, 1)"}, [], "1 is given twice"),
        ({"a": "choice(interval(1, 2), 3)"}, [], "another sweep"),
        ({"a": 1, "+a": 2}, [], "a is given twice"),
        ({}, ["a=1", "a=1,2"], "a must be either swept or fixed"),
        ({"a": {"space": "1", "when": "b > 1"}}, [], "`when` needs something to search"),
        ({"a": {"space": "1,2", "wenn": "b > 1"}}, [], "the keys are `space` and `when`"),
        ({}, ["a=glob(*)"], "a: glob"),
    ],
)
def test_mistakes_are_named(params: dict, arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_space(params, arguments)


CONDITIONAL = {
    "z": "range(1, 5)",
    "w2": {"space": "int(interval(4, 64))", "when": "z >= 2 and z != 4"},
    "net": "choice(cnn, mlp)",
    "kernel": {"space": "choice(3, 5)", "when": "net == 'cnn' or z in [4]"},
    "sub": {"space": "choice(a, b)", "when": "w2 > 10"},
}


def test_a_conditional_parameter_exists_only_when_it_should() -> None:
    space = parse_space(CONDITIONAL, [])
    assert pickle.loads(pickle.dumps(space)) == space
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = set()
    for _ in range(60):
        params = space.suggest(study.ask())
        z, net, w2 = params["z"], params["net"], params.get("w2")
        assert ("w2" in params) == (z >= 2 and z != 4)
        assert ("kernel" in params) == (net == "cnn" or z == 4)
        assert ("sub" in params) == (w2 is not None and w2 > 10)
        assert space.validate(params) == params
        assert len(space.overrides(params)) == len(params)
        seen.add(tuple(params))
    assert len(seen) == 6
    with pytest.raises(ValueError, match="w2 .*z >= 2 and z != 4"):
        space.validate({"z": 1, "w2": 8})


def test_a_fixed_parent_decides_its_conditions_at_once() -> None:
    shallow = parse_space(CONDITIONAL, ["z=1"])
    assert list(shallow.distributions) == ["net", "kernel"]  # no w2, hence no sub
    assert str(shallow.conditions["kernel"]) == "net == 'cnn'"
    deep = parse_space(CONDITIONAL, ["z=3", "w2=int(interval(20, 30))"])
    assert list(deep.conditions) == ["kernel", "sub"]
    assert deep.distributions["w2"] == IntDistribution(20, 30)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("zz > 2", "declared before it.*did you mean z"),
        ("later > 2", "declared before it"),
        ("z > '2'", "compares numbers"),
        ("net == 'cn'", "not among the choices"),
        ("net == cnn", "quoted string"),
        ("z in 3", "a list is allowed only after"),
        ("1 < z < 3", "compares an earlier parameter"),
        ("not z", "compares an earlier parameter"),
        ("__import__('os').system('x') == 0", "declared before it"),
        ("z == __import__('os')", "must compare with"),
        ("z >", "cannot read"),
    ],
)
def test_a_wrong_condition_is_refused(condition: str, message: str) -> None:
    params = {"z": "range(1, 5)", "net": "choice(cnn, mlp)"}
    params |= {"w": {"space": "1,2", "when": condition}, "later": "1,2"}
    with pytest.raises(ValueError, match=f"w: .*{message}"):
        parse_space(params, [])


@pytest.mark.parametrize(
    "params",
    [
        {"+trainer._target_": "os.system"},
        {"z": 9},
        {"z": 2.5},
        {"z": True},
        {"z": "2 +trainer._target_=os.system"},
        {"z": [1]},
        {"lr": float("nan")},
        {"lr": float("inf")},
        {"lr": 0},
        {"net": "'cnn' x=1"},
        {"flag": 1},
        {"z": 10**400},
    ],
    ids=repr,
)
def test_a_hostile_trial_overrides_nothing(params: dict) -> None:
    space = parse_space(
        {"z": "range(1, 5)", "lr": "tag(log, interval(1e-4, 1))", "net": "cnn,mlp"},
        ["flag=true,false"],
    )
    with pytest.raises(ValueError, match=re.escape(next(iter(params)))):
        space.validate(params)
    assert space.validate({"z": 2.0, "lr": 1}) == {"z": 2, "lr": 1.0}


def test_values_planted_in_the_storage_are_refused_when_asked() -> None:
    space = parse_space({"z": "range(1, 5)"}, [])
    study = optuna.create_study()
    planted = {"z": IntDistribution(1, 10**6), "+evil": CategoricalDistribution(["x"])}
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING, params={"z": 999, "+evil": "x"}, distributions=planted
        )
    )
    with pytest.raises(ValueError, match="^z .*999"):
        space.suggest(study.ask())


def test_a_parameter_that_nobody_declared_fails_the_trial_it_was_enqueued_in() -> None:
    space = parse_space(CONDITIONAL, [], f"{__name__}.custom")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def suggest(given: dict) -> dict:
        study.enqueue_trial(given)
        return space.suggest(study.ask(), None, given)

    assert suggest({"z": 3, "extra.kind": "b"})["extra.kind"] == "b"
    for given, named in [
        ({"z": 3, "nett": "cnn"}, "'nett'; did you mean net"),
        ({"z": 1, "extra.kind": "b"}, "'extra.kind'"),
        ({"z": 1, "w2": 8}, "w2 only exists when"),
    ]:
        with pytest.raises(ValueError, match=named):
            suggest(given)
    for _ in range(5):  # whether it exists depends on what is drawn
        suggest({"w2": 8})


def custom(config: object, trial: optuna.Trial) -> None:
    if trial.params["z"] > 1:
        trial.suggest_categorical("extra.kind", ["it's", "b"])


def test_a_custom_search_space_adds_what_it_asks_for() -> None:
    space = parse_space({"z": "range(1, 4)"}, [], f"{__name__}.custom")
    study = optuna.create_study()
    evil = {"z": IntDistribution(1, 3), "+evil": CategoricalDistribution(["x"])}
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING, params={"z": 2, "+evil": "x"}, distributions=evil
        )
    )
    study.enqueue_trial({"z": 3, "extra.kind": "it's"})
    study.enqueue_trial({"z": 1})
    assert set(space.suggest(study.ask())) == {"z", "extra.kind"}
    params = space.suggest(study.ask())
    assert read(space.overrides(params)[1]) == "it's"
    assert space.suggest(study.ask()) == {"z": 1}
    with pytest.raises(ValueError, match="dotted path"):
        parse_space({}, [], "no.such.function")


def test_values_are_enumerated_where_they_end() -> None:
    space = parse_space({"a": "range(1, 8, 3)", "b": "x,y", "c": "range(0, 1, 0.5)"}, ["d=1,null"])
    assert [space.values(name) for name in "abcd"] == [[1, 4, 7], ["x", "y"], [0.0, 0.5], [1, None]]
    with pytest.raises(ValueError, match="lr has endless values"):
        parse_space({"lr": "interval(0, 1)"}, []).values("lr")
    with pytest.raises(ValueError, match="seed .*2,000,000,000"):
        parse_space({"seed": "range(0, 2000000000)"}, []).values("seed")
    assert parse_space({"a": "1,2"}, []).suggest(FixedTrial({"a": 2})) == {"a": 2}


def test_values_of_a_range_are_the_decimals_that_were_typed() -> None:
    space = parse_space({"a": "range(0, 1, 0.1)", "b": "range(0.7, 2e6, 0.001)"}, [])
    assert space.values("a") == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    params = {"a": 3 * 0.1, "b": 0.7 + 1000 * 0.001 + 1e-13}
    assert space.suggest(FixedTrial(params)) == {"a": 0.3, "b": 1.7}
    assert space.validate(params) == {"a": 0.3, "b": 1.7}
    for name, wrong in (("a", 0.35), ("a", 1.0), ("b", 0.7005)):
        with pytest.raises(ValueError, match=f"^{name} .*{wrong}"):
            space.validate({name: wrong})


@pytest.mark.parametrize(
    ("params", "arguments", "expected"),
    [
        ({"a": "1,2,3", "b": "range(0, 1, 0.1)"}, [], 30),
        ({"a": "1,2,3", "b": "interval(0.5, 0.5)"}, [], 3),
        ({"a": "1,2,3", "b": "interval(0, 1)"}, [], None),
        ({"a": "range(0, 2000000000)"}, [], None),
        ({"a": "range(0, 1000)"}, [], 1000),
        ({"a": "range(0, 1001)"}, [], None),
        # z 1: 1 net and z 2, 3, 4 times 61 widths but not at 4
        ({k: CONDITIONAL[k] for k in ("z", "w2")}, [], 1 + 61 + 61 + 1),
        ({k: CONDITIONAL[k] for k in ("z", "net", "kernel")}, [], 3 * (2 + 1) + 2 * 2),
        ({k: CONDITIONAL[k] for k in ("z", "w2", "sub")}, [], 1 + 2 * (7 + 54 * 2) + 1),
        ({"z": "range(0, 2000000000)", "w": {"space": "1,2", "when": "z > 5"}}, ["z=6"], 2),
        ({"lr": "interval(0, 1)", "w": {"space": "1,2", "when": "lr > 0.5"}}, [], None),
        ({"z": "range(0, 9e8)", "w": {"space": "1,2", "when": "z > 5.5"}}, [], None),
    ],
)
def test_the_trials_of_a_finite_space_are_counted(params, arguments, expected) -> None:
    assert count_combinations(parse_space(params, arguments), most=1000) == expected


def test_a_space_that_a_function_extends_cannot_be_counted() -> None:
    space = parse_space({"z": "1,2"}, [], f"{__name__}.custom")
    assert count_combinations(space, most=1000) is None
