"""What a template needs from the step that sends it: found in its files, without rendering anything."""

from __future__ import annotations

import re
from dataclasses import dataclass

import minijinja

from connectors.content.template import Library

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Needs:
    """What a step must say to send a template.

    Attributes:
        message_class: the class that it is written for; the footer and the way out follow from it.
        variants: the arms that it tells apart.
        required: keys of the payload that it cannot do without.
        optional: keys of the payload that it shows when they are there.
        takes_anything: it reads the payload as a whole, so any key may be meant.
    """

    message_class: str
    variants: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    takes_anything: bool = False


def needs_of(library: Library, name: str) -> Needs:
    """What the template needs; a key is optional when the template lists it so, which the lint verifies.

    Raises:
        TemplateError: when a file of the template is missing or wrong.
        minijinja.TemplateError: when a text of it cannot be parsed.
    """
    spec = library.spec(name)
    texts = [*spec.texts(), COMMENT.sub("", library.body(name)) if name.startswith("email/") else ""]
    environment = minijinja.Environment()
    names = {path for text in texts for path in environment.undeclared_variables_in_str(text, nested=True)}
    read = {path.split(".")[1] for path in names if path.startswith("payload.")}
    optional = {path.split(".")[1] for path in spec.optional if path.startswith("payload.")}
    return Needs(
        spec.message_class,
        variants=frozenset(spec.variants),
        required=frozenset(read - optional),
        optional=frozenset(read & optional),
        takes_anything="payload" in names,
    )
