"""The condition under which a parameter exists, such as `model.z_layers >= 2`.

Read with `ast` and never evaluated as Python: comparisons of an earlier parameter with literals,
joined with `and` and `or`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zmodel.core.suggestion import suggestion

# the constant of a parameter that never exists: every relation with it is false
ABSENT = object()

_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_OPERATORS = {**_ORDER, ast.Eq: "==", ast.NotEq: "!=", ast.In: "in", ast.NotIn: "not in"}
_YAML_WORDS = {"true": True, "false": False, "null": None}
_EXAMPLE = "`model.z_layers >= 2`, `model == 'cnn'`, `a in [1, 2] and b < 0.5`"


def _equal(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": _equal,
    "!=": lambda a, b: not _equal(a, b),
    "in": lambda a, b: any(_equal(a, item) for item in b),
    "not in": lambda a, b: not any(_equal(a, item) for item in b),
}


@dataclass(frozen=True)
class Relation:
    """`name sign literal`; false when the parameter does not exist in the trial."""

    name: str
    sign: str
    literal: Any

    def holds(self, params: Mapping[str, Any]) -> bool:
        return self.name in params and _TESTS[self.sign](params[self.name], self.literal)

    def relations(self) -> Iterator[Relation]:
        """Itself."""
        yield self

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.literal!r}"


@dataclass(frozen=True)
class Joined:
    """Conditions joined by `and` or `or`."""

    word: str
    parts: tuple[Condition, ...]

    def holds(self, params: Mapping[str, Any]) -> bool:
        return (all if self.word == "and" else any)(part.holds(params) for part in self.parts)

    def relations(self) -> Iterator[Relation]:
        """Every single relation in it."""
        for part in self.parts:
            yield from part.relations()

    def __str__(self) -> str:
        return f" {self.word} ".join(
            f"({part})" if isinstance(part, Joined) else str(part) for part in self.parts
        )


Condition = Relation | Joined


def parents(condition: Condition) -> set[str]:
    """The parameters that the condition asks for."""
    return {relation.name for relation in condition.relations()}


def parse_condition(
    text: str, domains: Mapping[str, Collection[Any] | None], constants: Mapping[str, Any]
) -> Condition | bool:
    """Read a condition over the earlier parameters.

    Args:
        domains: the earlier parameters: their choices, or None for a number.
        constants: earlier parameters that are fixed; comparisons with them are decided now.

    Returns:
        What is left to decide in a trial; a bool when nothing is.

    Raises:
        ValueError: what is wrong with the condition, with an example of a right one.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"cannot read the condition `{text}`. Write {_EXAMPLE}.") from error
    return _Reader(text.strip(), domains, constants).read(tree)


@dataclass(frozen=True)
class _Reader:
    text: str
    domains: Mapping[str, Collection[Any] | None]
    constants: Mapping[str, Any]

    def read(self, node: ast.expr) -> Condition | bool:
        if isinstance(node, ast.BoolOp):
            return self._join(node)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _OPERATORS:
            sign = _OPERATORS[type(node.ops[0])]
            literal = self._literal(node.comparators[0], sign)
            relation = Relation(self._name(node.left), sign, literal)
            if self.constants.get(relation.name) is ABSENT:
                return False
            self._check(relation)
            if relation.name in self.constants:
                return relation.holds(self.constants)
            return relation
        raise ValueError(
            f"a condition compares an earlier parameter with literals; got `{self.text}`. "
            f"Write {_EXAMPLE}."
        )

    def _join(self, node: ast.BoolOp) -> Condition | bool:
        word = "and" if isinstance(node.op, ast.And) else "or"
        deciding = word == "or"  # one true decides an `or`, one false an `and`
        parts = [self.read(value) for value in node.values]
        if any(part is deciding for part in parts):
            return deciding
        open_parts = tuple(part for part in parts if not isinstance(part, bool))
        if not open_parts:
            return not deciding
        return open_parts[0] if len(open_parts) == 1 else Joined(word, open_parts)

    def _name(self, node: ast.expr) -> str:
        # The text, not the tree: parameters may be called `model/net` or `model@side`.
        name = "".join((ast.get_source_segment(self.text, node) or "").split())
        known = [*self.domains, *self.constants]
        if name not in known:
            raise ValueError(
                f"the condition `{self.text}` must name a parameter declared before it, received "
                f"`{name}`; {suggestion(name, known)}"
            )
        return name

    def _literal(self, node: ast.expr, sign: str) -> Any:
        try:
            value = (
                [self._scalar(item) for item in node.elts]
                if isinstance(node, (ast.List, ast.Tuple))
                else self._scalar(node)
            )
        except ValueError as error:
            raise ValueError(
                f"the condition `{self.text}` must compare with a number, true, false, null or a "
                f"quoted string. Write {_EXAMPLE}."
            ) from error
        if isinstance(value, list) != (sign in ("in", "not in")):
            raise ValueError(
                f"in the condition `{self.text}` a list is allowed only after `in` and `not in`. "
                f"Write {_EXAMPLE}."
            )
        return value

    @staticmethod
    def _scalar(node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id in _YAML_WORDS:
            return _YAML_WORDS[node.id]
        value = ast.literal_eval(node)
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise ValueError("not a scalar")
        return value

    def _check(self, relation: Relation) -> None:
        """Refuse what can never be true by mistake: a misspelled choice, a number as text."""
        name, literal = relation.name, relation.literal
        literals = literal if isinstance(literal, list) else [literal]
        constant = name in self.constants
        choices = [self.constants[name]] if constant else self.domains[name]
        if relation.sign in _ORDER.values() or choices is None:
            for value in [*literals, *(choices or [])]:
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise ValueError(
                        f"the condition `{self.text}` compares numbers; got {value!r}. Write a "
                        "number without quotes, or compare with `==`."
                    )
        elif not constant:
            for value in literals:
                if not any(_equal(value, choice) for choice in choices):
                    raise ValueError(
                        f"the condition `{self.text}` asks for {value!r}, which is not among the "
                        f"choices of {name}: {list(choices)}."
                    )
