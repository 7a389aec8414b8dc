"""The language of claims: comparisons of numbers, and how sure their outcome is.

``auroc(rg) > auroc(others)``: a name is a term, a group of terms or an OOD set (paper/claims.yaml); numbers are in
percent, averages over OOD sets unless one is named, and where several stand on one side the comparison is for each.

    auroc(t), fpr95(t), ms(t)     of the terms t, averaged over OOD sets; with a second argument on that set
    [a, b], group - a             terms together, terms of a group without some
    + -, abs, max, min            numbers; the last three of terms' numbers alone
    > <, near(x, y)               comparisons; near: up to rounding (print), or up to what the world allows (ours)
    and, or, not, any, all, at_least(k, ...)   conditions, also as `condition for x in group`; `sets` are all OOD sets

Nothing else is understood, and nothing is ever given to Python to run: the syntax tree is walked.

A condition made of several is as sure as its parts (partial conjunctions, Benjamini and Heller 2008: "at least k of n"
has the p-value (n - k + 1) p_(k), which for "all" is the largest and for "any" n times the smallest), so that looking
for the best of many is paid for. ``max`` and ``min`` are of numbers, draw by draw, and pay nothing.
"""

import ast
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np

from ood.claims.significance import error, one_sided
from ood.errors import Problem, unknown

METRICS = {"auroc": "AUROC", "fpr95": "FPR95", "ms": "ms"}
CONDITIONS = ("all", "any", "at_least", "near")
NUMBERS = ("abs", "max", "min")
EXACT = 1e-9  # absorbs the rounding of binary floats, far below the last printed digit


class Number(NamedTuple):
    """A value, for each seed (S,) and in each bootstrap draw (B,), or () if it varies with neither; half its unit.

    ``name``: what it is, in this language; of a margin the comparison that it is of.
    """

    value: float
    seeds: np.ndarray = np.zeros(())
    draws: np.ndarray = np.zeros(())
    half: float = 0.0
    name: str = ""

    @staticmethod
    def of(function: Callable, *numbers: "Number", name: str) -> "Number":
        """The function of the values, and of each seed's and each draw's."""
        parts = [function(*part) for part in list(zip(*numbers, strict=True))[:3]]
        return Number(float(parts[0]), *parts[1:], sum(number.half for number in numbers), name)

    @staticmethod
    def constant(value: float, half: float = 0.0) -> "Number":
        return Number(value, half=half, name=f"{value:g}")


class Judgement(NamedTuple):
    """Two p-values, small where it surely holds or surely fails, and the difference that decides (> 0: holds)."""

    holds: float
    fails: float
    margin: Number


class World(Protocol):
    """Where numbers come from: print, or our scores. ``within``: how near is near, beyond rounding."""

    sets: list[str]
    within: float

    def number(self, metric: str, term: str, place: str | None) -> Number: ...


def above(left: Number, right: Number) -> Judgement:
    """left > right, by the difference and its standard error (ood.claims.significance)."""
    margin = Number.of(np.subtract, left, right, name=f"{left.name} > {right.name}")
    return Judgement(*one_sided(margin.value, error(margin.seeds, margin.draws)), margin)


def opposite(judged: Judgement) -> Judgement:
    """That it does not hold."""
    margin = Number.of(np.negative, judged.margin, name=f"not {judged.margin.name}")
    return Judgement(judged.fails, judged.holds, margin)


def at_least(k: int, parts: list[Judgement]) -> Judgement:
    """At least k of the parts hold. What decides is the k-th surest of them."""
    ranked = sorted(parts, key=lambda part: (part.holds, -part.margin.value))
    n, chosen = len(parts), ranked[k - 1]
    failing = sorted(part.fails for part in parts)[n - k]
    return Judgement(min((n - k + 1) * chosen.holds, 1.0), min(k * failing, 1.0), chosen.margin)


class Expression:
    """A claim's text with what its names mean.

    groups: every name of a term or group -> terms; places: names of OOD sets. Raises Problem for what does not
    belong to the language.
    """

    def __init__(self, text: str, groups: dict[str, list[str]], places: Iterable[str]):
        self.text, self.groups, self.places = text, groups, list(places)
        try:
            self.tree = ast.parse(text, mode="eval").body
        except SyntaxError as problem:
            raise Problem(f"'{text}' is not an expression: {problem.msg}.") from None

    def judge(self, world: World) -> Judgement:
        """Whether it holds in this world."""
        return self._condition(self.tree, world, {})

    def _refuse(self, node: ast.AST, expected: str) -> Problem:
        return Problem(f"'{ast.get_source_segment(self.text, node)}': {expected} is expected here.")

    def _condition(self, node: ast.AST, world: World, scope: dict) -> Judgement:
        match node:
            case ast.Compare(left, ops, comparators):
                sides = [self._numbers(side, world, scope) for side in (left, *comparators)]
                return at_least_all(
                    self._compare(node, operator, *pair)
                    for operator, pair in zip(ops, zip(sides, sides[1:], strict=False), strict=True)
                )
            case ast.BoolOp(operator, values):
                parts = [self._condition(value, world, scope) for value in values]
                return at_least(1 if isinstance(operator, ast.Or) else len(parts), parts)
            case ast.UnaryOp(ast.Not(), operand):
                return opposite(self._condition(operand, world, scope))
            case ast.Call(ast.Name("near")):
                return self._near(node, world, scope)
            case ast.Call(ast.Name("at_least"), [ast.Constant(int(k)), *arguments], []):
                parts = self._each(arguments, world, scope, self._condition)
                if not 0 < k <= len(parts):
                    raise self._refuse(node, f"a number from 1 to {len(parts)}")
                return at_least(k, parts)
            case ast.Call(ast.Name("all" | "any" as name), arguments, []):
                parts = self._each(arguments, world, scope, self._condition)
                return at_least(1 if name == "any" else len(parts), parts)
        raise self._refuse(node, f"a comparison or one of {', '.join(CONDITIONS)}")

    def _compare(self, node: ast.AST, operator: ast.AST, left: list[Number], right: list[Number]) -> Judgement:
        if not isinstance(operator, ast.Gt | ast.Lt):
            raise self._refuse(node, "a comparison by > or <")
        pairs = [(first, second) for first in left for second in right]
        return at_least_all(above(*(pair if isinstance(operator, ast.Gt) else pair[::-1])) for pair in pairs)

    def _near(self, node: ast.Call, world: World, scope: dict) -> Judgement:
        sides = [self._numbers(argument, world, scope) for argument in node.args]
        if len(sides) not in (2, 3) or node.keywords:
            raise self._refuse(node, "near(x, y) or near(x, y, within)")
        if any(len(side) != 1 for side in sides):
            raise self._refuse(node, "one number on each side")
        (x,), (y,), *given = sides
        within = given[0][0].value if given else world.within + x.half + y.half + EXACT
        difference = Number.of(np.subtract, x, y, name=f"{x.name} - {y.name}")
        return at_least_all([above(difference, Number.constant(-within)), above(Number.constant(within), difference)])

    def _each(self, nodes: list[ast.AST], world: World, scope: dict, of: Callable) -> list:
        """What the nodes are, one after the other; a comprehension is as many as its group or the OOD sets."""
        found = []
        for node in nodes:
            match node:
                case ast.GeneratorExp(element, [ast.comprehension(ast.Name(name), source, [])]):
                    everywhere = isinstance(source, ast.Name) and source.id == "sets"
                    members = world.sets if everywhere else self._terms(source, scope)
                    found += [of(element, world, {**scope, name: member}) for member in members]
                case _:
                    found.append(of(node, world, scope))
        if not found:
            raise Problem(f"'{self.text}': there is nothing to compare.")
        return found

    def _numbers(self, node: ast.AST, world: World, scope: dict) -> list[Number]:
        match node:
            case ast.Constant(int() | float() as value):
                decimals = len(ast.get_source_segment(self.text, node).partition(".")[2])
                return [Number.constant(float(value), 0.5 * 10.0**-decimals)]
            case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
                function, sign = (np.add, "+") if isinstance(operator, ast.Add) else (np.subtract, "-")
                lefts, rights = (self._numbers(side, world, scope) for side in (left, right))
                return [
                    Number.of(function, first, second, name=f"{first.name} {sign} {second.name}")
                    for first in lefts
                    for second in rights
                ]
            # A constant has no draws of its own: beside those of a term it would be 0.
            case ast.Call(ast.Name("abs" | "max" | "min")) if any(
                isinstance(at, ast.Constant) for at in ast.walk(node)
            ):
                raise self._refuse(node, "a function of numbers of terms alone")
            case ast.Call(ast.Name("abs"), [argument], []):
                numbers = self._numbers(argument, world, scope)
                return [Number.of(np.abs, number, name=f"abs({number.name})") for number in numbers]
            case ast.Call(ast.Name("max" | "min" as name), arguments, []):
                numbers = sum(self._each(arguments, world, scope, self._numbers), [])
                function = np.maximum if name == "max" else np.minimum
                best = numbers[0]
                for number in numbers[1:]:
                    which = best if function(best.value, number.value) == best.value else number
                    half = max(best.half, number.half)
                    best = Number.of(function, best, number, name=which.name)._replace(half=half)
                return [best]
            case ast.Call(ast.Name(name), [terms, *place], []) if name in METRICS and len(place) < 2:
                where = self._place(place[0], scope) if place else None
                at = f", {where if isinstance(where, str) else ' / '.join(where)}" if where else ""
                return [
                    world.number(METRICS[name], term, where)._replace(name=f"{name}({term}{at})")
                    for term in self._terms(terms, scope)
                ]
        raise self._refuse(node, f"a number or one of {', '.join((*METRICS, *NUMBERS))}")

    def _terms(self, node: ast.AST, scope: dict) -> list[str]:
        match node:
            case ast.Name(name) if name in scope:
                return [scope[name]]
            case ast.Name(name):
                if name not in self.groups:
                    raise Problem(unknown("term or group", name, [*self.groups, *scope]))
                return self.groups[name]
            case ast.List(elements):
                return sum((self._terms(element, scope) for element in elements), [])
            case ast.BinOp(left, ast.Sub(), right):
                without = self._terms(right, scope)
                return [term for term in self._terms(left, scope) if term not in without]
        raise self._refuse(node, "a term, a group, or a list of them")

    def _place(self, node: ast.AST, scope: dict) -> str:
        if not isinstance(node, ast.Name) or node.id not in (*scope, *self.places):
            raise Problem(unknown("OOD set", ast.get_source_segment(self.text, node), [*self.places, *scope]))
        return scope.get(node.id, node.id)


def at_least_all(parts: Iterable[Judgement]) -> Judgement:
    """All of the parts."""
    parts = list(parts)
    return at_least(len(parts), parts)
