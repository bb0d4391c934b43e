"""Whether what a step sends fits its template: the message class, the payload, the arms of a test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import minijinja
import yaml

from connectors.content.needs import Needs
from connectors.errors import ConnectorError
from dagster_project.flows.problems import Path, Problem, unknown_word
from dagster_project.flows.source import Source
from dagster_project.flows.spec import Action, Definition, Step


@dataclass(frozen=True)
class Send:
    """A template that a step, or one of its arms, sends, and everything that is said about it.

    Attributes:
        step_path: the step.
        path: where `send` is written: the step or the arm.
        class_path: where the message class is written, or would be.
        payload: key → where it is written.
        variant: the arm of a test.
        own: what the arm has of its own beside its name and its share.
    """

    step_path: Path
    path: Path
    template: str
    message_class: str
    class_path: Path
    payload: Mapping[str, Path]
    variant: str | None
    own: Action | None


def check_contents(
    definition: Definition,
    source: Source,
    needs_of: Callable[[str], Needs],
    templates: Collection[str],
) -> Iterator[Problem]:
    """Everything in which a step and its template do not fit; templates that do not exist are left out."""
    told: dict[Problem, None] = {}
    for position, step in enumerate(definition.steps):
        path: Path = ("steps", position)
        sends = [send for send in _sends(definition, path, step) if send.template in templates]
        try:
            needs = {send.template: needs_of(send.template) for send in sends}
        except (ConnectorError, minijinja.TemplateError, yaml.YAMLError) as error:
            names = ", ".join(sorted({send.template for send in sends}))
            said = f"{names} cannot be used: {str(error).splitlines()[0].rstrip('.')}"
            told[source.problem((*path, "send"), said)] = None
            continue
        for send in sends:
            told |= dict.fromkeys(_check_class(send, source, needs[send.template]))
            told |= dict.fromkeys(_check_payload(send, source, needs[send.template]))
            told |= dict.fromkeys(_check_variant(send, sends, source, needs[send.template].variants))
    yield from told


def _sends(definition: Definition, path: Path, step: Step) -> Iterator[Send]:
    """What the step sends, arm by arm; an arm of a test without an action takes the step's."""
    arms: list[tuple[Path, Action, str | None]] = [(path, step, None)]
    if step.branch is not None:
        arms = [((*path, "branch", number), arm, None) for number, arm in enumerate(step.branch)]
    elif step.ab_test is not None:
        arms = [((*path, "ab_test", name), variant, name) for name, variant in step.ab_test.items()]
    for arm_path, arm, variant in arms:
        acting_path, acting = (path, step) if variant and not arm.acts else (arm_path, arm)
        if acting.send is None:
            continue
        said = [(acting_path, acting), (arm_path, arm)]
        yield Send(
            step_path=path,
            path=acting_path,
            template=acting.send,
            message_class=arm.message_class or step.message_class or definition.message_class,
            class_path=(*(path if step.message_class and not arm.message_class else arm_path), "class"),
            payload={key: (*place, "with", key) for place, action in said for key in action.with_ or {}},
            variant=variant,
            own=arm.model_copy(update={"share": None}) if variant else None,
        )


def _check_class(send: Send, source: Source, needs: Needs) -> Iterator[Problem]:
    """A receipt's footer has no way out, and a promotion without its consent must not leave."""
    if send.message_class != needs.message_class:
        said = (
            f"{send.template} is written for {needs.message_class} messages (message_class in its"
            f" template.yml) and would be sent as {send.message_class}"
        )
        yield source.problem(send.class_path, said, allowed=(needs.message_class,))


def _check_payload(send: Send, source: Source, needs: Needs) -> Iterator[Problem]:
    """What the template reads is given, and what is given is read."""
    words = sorted(needs.required | needs.optional)
    missing = sorted(needs.required - send.payload.keys())
    if missing:
        keys = " and ".join(f"payload.{key}" for key in missing)
        said = f"{send.template} reads {keys}, which nothing gives: write it here, or let it do without"
        yield source.problem((*send.path, "with"), said, allowed=words)
    for key, path in send.payload.items():
        if key not in words and not needs.takes_anything:
            problem = unknown_word(key, "payload key", words)
            problem["message"] += f": {send.template} does not read it"
            yield source.problem(path, **problem)


def _check_variant(
    send: Send, sends: Collection[Send], source: Source, known: Collection[str]
) -> Iterator[Problem]:
    """Arms that differ by nothing but their name are variants of the template, or all get the same mail.

    An arm with a payload or a time of its own need not be one; but beside variants of the same template, a
    name that it does not know is a slip.
    """
    if send.variant is None or send.variant in known:
        return
    others = [other for other in sends if other is not send and other.template == send.template]
    if any(other.own == send.own or other.variant in known for other in others):
        problem = unknown_word(send.variant, f"variant of {send.template}", known)
        if not known:
            problem["message"] += ", which has none: write them under variants in its template.yml"
        yield source.problem((*send.step_path, "ab_test", send.variant), **problem)
