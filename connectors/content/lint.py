"""Lint: what would go wrong with a template, found before anybody is written to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing to change: which template, which rule, and what to do."""

    template: str
    rule: str
    message: str


def lint_templates() -> list[Finding]:
    return []
