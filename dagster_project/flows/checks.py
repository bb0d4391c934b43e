"""Whether names lead somewhere: signals, segments, templates, traits, systems, conditions, steps.

What a step hands to its template is looked at in `contents`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import yaml

from connectors.content.needs import Needs, needs_of
from connectors.content.template import Library
from connectors.forwarding.declared import read_declared
from dagster_project.flows.conditions import OWN_TRAITS, Condition, Term
from dagster_project.flows.contents import check_contents
from dagster_project.flows.problems import Path, Problem, unknown_word
from dagster_project.flows.source import Source
from dagster_project.flows.spec import Action, Definition

if TYPE_CHECKING:
    from dagster_project.settings import Settings

DERIVED_SIGNALS = frozenset({"cart_emptied"})
"""Signals that no single event says; `int_signals` works them out."""


@dataclass(frozen=True)
class Known:
    """The names that flows may use.

    Attributes:
        signals: what can happen, from the seed `event_kinds`.
        segments: the models `segment_*` without the prefix.
        templates: folders below `connectors/content/templates`, as `email/welcome`.
        traits: columns of `profiles`; what is behind `traits.` is the shop's own, and no file lists it.
        webhooks: systems that `webhooks.yml` declares.
        needs: what a template needs from the step that sends it; without it contents are not looked at.
    """

    signals: frozenset[str]
    segments: frozenset[str]
    templates: frozenset[str]
    traits: frozenset[str]
    webhooks: frozenset[str]
    needs: Callable[[str], Needs] | None = None

    @classmethod
    def in_project(cls, settings: Settings) -> Known:
        """Read them from the files of the project; nothing is run.

        Raises:
            WebhooksError: when `webhooks.yml` cannot be read.
        """
        dbt = settings.dbt_project
        content = dbt.parent / "connectors" / "content"
        return cls(
            signals=_signals(dbt / "seeds" / "event_kinds.csv") | DERIVED_SIGNALS,
            segments=frozenset(
                path.stem.removeprefix("segment_")
                for path in (dbt / "models" / "marts" / "segments").glob("segment_*.sql")
            ),
            templates=frozenset(
                f"{path.parent.name}/{path.name}"
                for path in (content / "templates").glob("*/*")
                if path.parent.name in {"email", "sms", "whatsapp", "push"}
            ),
            traits=_columns(dbt / "models" / "marts" / "profiles" / "profiles.yml") - {OWN_TRAITS},
            webhooks=frozenset(read_declared(settings.webhooks_path)),
            needs=_needs_in(content),
        )


def check(definition: Definition, source: Source, known: Known | None) -> Iterator[Problem]:
    """Every name that leads nowhere; names outside the file are looked up only when `known` is given."""
    yield from _check_steps(definition, source)
    yield from _check_condition_names(definition, source)
    if definition.hold_out and "marketing" not in set(_classes(definition)):
        said = "withholds nothing: a hold-out spares people marketing, and no step of this flow is marketing"
        yield source.problem(("hold_out",), said)
    if known is None:
        return
    for path, signal in _signals_used(definition):
        if signal not in known.signals:
            yield source.problem(path, **unknown_word(signal, "signal", known.signals))
    for path, term in _terms(definition):
        if term.segment and term.segment not in known.segments:
            yield source.problem((*path, "segment"), **unknown_word(term.segment, "segment", known.segments))
        if term.trait and not term.is_own_trait and term.trait not in known.traits:
            allowed = {*known.traits, f"{OWN_TRAITS}.<name>"}
            yield source.problem((*path, "trait"), **unknown_word(term.trait, "trait", allowed))
    yield from _check_actions(definition, source, known)
    if known.needs:
        yield from check_contents(definition, source, known.needs, known.templates)


def _check_actions(definition: Definition, source: Source, known: Known) -> Iterator[Problem]:
    """Templates and systems are there."""
    for path, action in _actions(definition):
        if action.send and action.send not in known.templates:
            channel = action.send.partition("/")[0]
            there = [name for name in known.templates if name.startswith(f"{channel}/")]
            yield source.problem((*path, "send"), **unknown_word(action.send, "template", there))
        if action.webhook and action.webhook not in known.webhooks:
            words = unknown_word(action.webhook, "system", known.webhooks)
            words["message"] += ": declare it in webhooks.yml"
            yield source.problem((*path, "webhook"), **words)


def _check_steps(definition: Definition, source: Source) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, step in enumerate(definition.steps):
        if step.step in seen:
            said = f'"{step.step}" names two steps: a step is known by its name'
            yield source.problem(("steps", position, "step"), said)
        seen.add(step.step)


def _check_condition_names(definition: Definition, source: Source) -> Iterator[Problem]:
    """Conditions exist and look back at steps that come before the one that asks."""
    names = [step.step for step in definition.steps]
    for path, name in _conditions_used(definition):
        if name not in definition.conditions:
            yield source.problem(path, **unknown_word(name, "condition", definition.conditions))
            continue
        since = definition.conditions[name].since
        if since in names[int(path[1]) :]:
            yield source.problem(path, f'"{name}" counts since {since}, which is not before this step')
    for name, condition in definition.conditions.items():
        if condition.since not in {None, "entry", *names}:
            yield source.problem(
                ("conditions", name, "since"), **unknown_word(condition.since, "step", ["entry", *names])
            )


def _conditions_used(definition: Definition) -> Iterator[tuple[Path, str]]:
    for position, step in enumerate(definition.steps):
        if step.wait_until:
            yield ("steps", position, "wait_until"), step.wait_until.condition.name
        for arm_position, arm in enumerate(step.branch or ()):
            if arm.if_:
                yield ("steps", position, "branch", arm_position, "if"), arm.if_.name


def _signals_used(definition: Definition) -> Iterator[tuple[Path, str]]:
    if definition.goal:
        yield ("goal", "signal"), definition.goal.signal
    for position, signal in enumerate(definition.exit_on):
        yield ("exit_on", position), signal
    for path, term in _terms(definition):
        if term.signal:
            yield path, term.signal


def _terms(definition: Definition) -> Iterator[tuple[Path, Term]]:
    for name, condition in definition.conditions.items():
        for word in ("any_of", "all_of", "none_of"):
            for position, term in enumerate(_listed(condition, word)):
                yield ("conditions", name, word, position), term


def _listed(condition: Condition, word: str) -> tuple[Term, ...]:
    return {"any_of": condition.any_of, "all_of": condition.all_of, "none_of": condition.none_of}[word]


def _actions(definition: Definition) -> Iterator[tuple[Path, Action]]:
    for position, step in enumerate(definition.steps):
        yield ("steps", position), step
        for arm_position, arm in enumerate(step.branch or ()):
            yield ("steps", position, "branch", arm_position), arm
        for name, variant in (step.ab_test or {}).items():
            yield ("steps", position, "ab_test", name), variant


def _needs_in(content: FilePath) -> Callable[[str], Needs]:
    """Templates are read when the first flow sends one."""
    library = cache(lambda: Library(content))
    return cache(lambda name: needs_of(library(), name))


def _classes(definition: Definition) -> Iterator[str]:
    """The class of everything that the flow may do."""
    for step in definition.steps:
        arms: tuple[Action, ...] = step.branch or tuple((step.ab_test or {}).values()) or (step,)
        for arm in arms:
            if arm.acts or step.acts:
                yield arm.message_class or step.message_class or definition.message_class


def _signals(path: FilePath) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    with path.open(encoding="utf-8", newline="") as lines:
        return frozenset(row["signal"] for row in csv.DictReader(lines) if row.get("signal"))


def _columns(path: FilePath) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    (model,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return frozenset(column["name"] for column in model["columns"])
