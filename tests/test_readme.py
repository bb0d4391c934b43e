"""The README says nothing that is not there: commands and their options, paths, targets, tables, variables."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
import sqlglot
import typer
from sqlglot import exp

from dagster_project.cli.lazy import COMMANDS, load_command

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"```\w*\n(.*?)```", README, re.DOTALL)
SPANS = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", README, flags=re.DOTALL))
LINES = [line.split("#")[0].strip() for block in FENCED for line in block.splitlines()]
SAID = [*SPANS, *filter(None, LINES)]

CALLS = [call for said in SAID for call in re.split(r"\s*(?:&&|;)\s*", said) if call.startswith("millrace ")]
TARGETS = [target for said in SAID for target in re.findall(r"^make ([a-z-]+)", said)]
MODULES = [module for said in SAID for module in re.findall(r"^python -m ([\w.]+)", said)]
PATHS = [
    said for said in SPANS if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", said) and ("/" in said or "." in said[1:])
]
FILES = (".py", ".yml", ".sql", ".csv", ".json", ".md", ".toml")
TO_BE_WRITTEN = ("segment_big_spenders.sql", "flow_x.sql", "flow_x.yml", "email/x")
"""What the reader is told to write."""
MADE = (".millrace", ".venv")
"""What is there once somebody typed `make demo`."""


@cache
def tree() -> tuple[str, ...]:
    """Files and folders of the repository."""
    folders = ("dbt", "dagster_project", "connectors", "sql", "tests", ".ci")
    inside = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts
    ]
    return tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in [*ROOT.iterdir(), *inside])


@cache
def command(name: str) -> typer.core.TyperCommand:
    return load_command(name)


def options(found: typer.core.TyperCommand) -> set[str]:
    return {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}


def is_there(path: str) -> bool:
    """Whether something of the repository ends in this path."""
    return any(known.endswith(f"/{path.rstrip('/')}") for known in tree())


def test_there_is_something_to_check():
    assert min(len(CALLS), len(TARGETS), len(PATHS)) > 8


@pytest.mark.parametrize("call", sorted(set(CALLS)))
def test_every_command_exists_with_its_options(call):
    _, name, *words = shlex.split(call)
    if name == "--help":
        return
    assert name in COMMANDS
    found = command(name)
    if isinstance(found, typer.core.TyperGroup) and words:
        inner, *words = words
        for alternative in inner.split("|"):
            assert alternative in found.commands
        found = found.commands[inner.split("|")[0]]
    ours = words[: words.index("--")] if "--" in words else words
    assert {word.split("=")[0] for word in ours if word.startswith("-") and word != "-"} <= options(found)


@pytest.mark.parametrize("call", sorted({call for call in CALLS if call.startswith("millrace sql ")}))
def test_every_question_is_about_tables_that_exist(call):
    question = shlex.split(call)[2]
    tables = {table.name for table in sqlglot.parse_one(question, dialect="duckdb").find_all(exp.Table)}
    assert tables
    assert not [table for table in tables if not is_there(f"{table}.sql") and table != "rejects"]


@pytest.mark.parametrize("path", sorted(set(PATHS)))
def test_every_path_exists(path):
    if path.endswith(TO_BE_WRITTEN):
        assert "/" not in path or is_there(str(Path(path).parent))
    elif not path.startswith(MADE) and ("/" in path or path.endswith(FILES)):
        assert is_there(path)


@pytest.mark.parametrize("target", sorted(set(TARGETS)))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("module", sorted(set(MODULES)))
def test_every_module_exists(module):
    assert is_there(module.replace(".", "/"))


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_variable_is_read():
    settings = (ROOT / "dagster_project" / "settings.py").read_text(encoding="utf-8")
    named = set(re.findall(r"\bMILLRACE_[A-Z]+(?:_[A-Z]+)*\b", README))
    assert {variable for variable in named if variable not in settings} == set()
