"""The real commands: each has help with an example, speaks JSON, and fails with words instead of a trace."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet
import pytest
import typer
from typer.testing import CliRunner

from dagster_project import cli
from dagster_project.cli.lazy import COMMANDS, load_command

QUICK = {
    "run": "run --as-of 2026-03-11T12:00 --json",
    "sql": "sql --json 'select user_id from profiles order by 1'",
    "flows check": "flows check --json",
    "flows list": "flows list --json",
    "flows show": "flows show welcome --json",
    "segments list": "segments list --json",
    "segments show": "segments show newsletter --json",
    "segments export": "segments export newsletter --json",
    "sends list": "sends list --json",
    "sends preview": "sends preview --json",
    "nightly": "nightly --as-of 2026-03-11T12:00 --json",
    "predictions train": "predictions train --as-of 2026-03-11T12:00 --json",
    "predictions score": "predictions score --as-of 2026-03-11T12:00 --json",
    "predictions show": "predictions show --json",
    "identity show": "identity show ann@example.com --json",
    "identity explain": "identity explain user_id:ann --json",
    "experiments list": "experiments list --json",
    "experiments show": "experiments show cart_recovery.hold_out --json",
    "experiments policy": "experiments policy cart_recovery.hold_out --json",
    "experiments analyse": "experiments analyse --as-of 2026-03-11T12:00 --json",
    "deadletters list": "deadletters list --json",
    "providers status": "providers status --json",
    "providers unknown": "providers unknown --json",
    "providers read-back": "providers read-back --json",
    "fence status": "fence status --json",
    "keys list": "keys list --json",
    "audit list": "audit list --json",
    "audit verify": "audit verify --json",
    "templates render": "templates render email/welcome --json",
    "templates lint": "templates lint --json",
    "webhooks status": "webhooks status --json",
    "doctor": "doctor --json",
    "dbt": "dbt --as-of 2026-03-11T12:00 --json -- run --select newsletter_never",
}
"""How each command is asked for JSON; those that are not here would play for minutes, serve, or have no data."""
ELSEWHERE = {
    *("demo", "dev", "feedback read", "import online-retail", "collector", "keys create", "keys revoke"),
    *("sends release", "deadletters replay", "fence arm", "hot-lane"),
    *("webhooks serve", "webhooks replay"),
    *("identity unlink", "identity relink"),
    *("import shopify", "import contacts", "keys rotate"),
}


def walk() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Every command that can be typed."""
    for name in COMMANDS:
        command = load_command(name)
        if isinstance(command, typer.core.TyperGroup):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(walk()), ids=[name for name, _ in walk()])
def test_every_command_has_help_with_an_example_and_speaks_json(name, command):
    assert command.help
    assert f"millrace {name}" in (command.epilog or "")
    assert "--json" in {option for parameter in command.params for option in parameter.opts}
    assert name in {*QUICK, *ELSEWHERE}


def test_the_table_of_commands_says_what_the_commands_say():
    shown = CliRunner().invoke(cli.app, ["--help"]).output
    assert all(name in shown for name in COMMANDS)


def test_help_costs_no_imports():
    code = "import sys; from dagster_project import cli; print(*sorted({'dagster', 'dbt', 'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("line", QUICK.values(), ids=QUICK)
def test_json_is_one_document(line, at_home, call):
    _, out, _ = call(line)
    assert json.loads(out) is not None


def test_sql_reads_public_tables_by_their_bare_names(at_home, call):
    code, out, _ = call("sql --json 'select user_id from profiles order by 1'")
    assert (code, json.loads(out)) == (0, [{"user_id": person} for person in ("ann", "bob", "cid", "dan")])


@pytest.mark.parametrize(
    "statement",
    [
        "delete from profiles",
        "with gone as (delete from profiles returning *) select * from gone",
        "create table copy as select * from profiles",
        "copy profiles to 'profiles.csv'",
        "select 1; drop table profiles",
        "attach 'other.duckdb' as other",
        "set memory_limit = '1GB'",
        "select * from read_csv('/etc/passwd')",
        "not sql at all",
    ],
)
def test_sql_refuses_all_but_one_question(statement, at_home, call):
    code, out, err = call(f"sql {shlex.quote(statement)}")
    assert (code, out) == (2, "")
    assert err.startswith("millrace: ")
    assert "Traceback" not in err


def test_an_unknown_table_is_an_answer_not_a_trace(at_home, call):
    code, _, err = call("sql 'select * from profils'")
    assert code == 2
    assert "profiles" in err


def test_nothing_to_read_yet_says_what_to_do(tmp_path, monkeypatch, call):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "new"))
    code, _, err = call("sql 'select 1'")
    assert code == 2
    assert "`millrace demo` or `millrace run` first" in err


def test_a_segment_is_exported_as_csv_and_parquet(at_home, tmp_path, call):
    _, out, _ = call("segments export newsletter --columns email")
    head, *members = csv.reader(io.StringIO(out))
    assert (head, sorted(members)) == (["email"], [["ann@example.com"], ["bob@example.com"]])
    target = tmp_path / "newsletter.parquet"
    assert call(f"segments export segment_newsletter --columns email --output {target}")[0] == 0
    stored = pyarrow.parquet.read_table(target).to_pydict()
    assert {name: sorted(values) for name, values in stored.items()} == {
        "email": ["ann@example.com", "bob@example.com"]
    }


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("segments show nobody", "there are"),
        ("segments export newsletter --output newsletter.xlsx", ".csv or .parquet"),
        ("segments export newsletter --columns shoe_size", "shoe_size"),
        ("flows show nothing", "there are"),
        ("run --as-of yesterday", "write 2026-11-20"),
        ("run --as-of 2026-03-01", "decisions are never taken back"),
        ("templates render email/nothing", "email/welcome"),
        ("sends release --by Ada", "nothing to release"),
        ("deadletters replay", "name message ids or --reason"),
    ],
)
def test_a_mistake_is_told_in_words_with_exit_code_two(line, hint, at_home, call):
    code, _, err = call(line)
    assert code == 2
    assert hint in err
    assert "Traceback" not in err


def test_an_unknown_command_is_a_usage_error(call):
    assert call("rnu")[0] == 2


def test_a_problem_that_was_found_is_exit_code_one(at_home, monkeypatch, call):
    monkeypatch.setenv("MILLRACE_SMTP", "smtp://127.0.0.1:1")
    code, out, _ = call("doctor --json")
    assert code == 1
    assert {finding["part"]: finding["state"] for finding in json.loads(out)}["mail server"] == "broken"


def test_the_list_shows_no_address(at_home, call):
    _, out, _ = call("sends list --json")
    assert "@" not in out


def test_dbt_runs_on_the_installation(at_home, call):
    code, out, _ = call("dbt --as-of 2026-03-11T12:00 --json -- test --select profiles,test_type:data")
    assert code == 0
    assert {node["status"] for node in json.loads(out)} <= {"pass", "success"}


def test_a_text_shows_its_segments_and_what_they_cost(at_home, call):
    shown = json.loads(call("templates render sms/cart_nudge --json")[1])
    assert shown["charge"] == {"encoding": "GSM-7", "units": 261, "segments": 2, "cost": 0.09}


def test_a_push_shows_its_picture_and_its_buttons(at_home, call):
    shown = call("templates render push/cart_reminder")[1]
    assert "Picture: https://shop.example/images/P103.jpg" in shown
    assert shown.index("[Check out] https://") < shown.index("[Not now]")


def test_a_template_is_written_as_a_page(at_home, tmp_path: Path, call):
    page = tmp_path / "welcome.html"
    assert call(f"templates render email/welcome --output {page}")[0] == 0
    assert page.read_text().lstrip().lower().startswith("<!doctype html")


def test_the_shell_completes_commands(monkeypatch):
    words = {"_MILLRACE_COMPLETE": "complete_bash", "COMP_WORDS": "millrace se", "COMP_CWORD": "1"}
    binary = Path(sys.executable).with_name("millrace")
    done = subprocess.run([binary], capture_output=True, text=True, check=False, env={**os.environ, **words})
    assert done.stdout.split() == ["segments", "sends"]


def test_a_dry_run_decides_and_says_what_would_be_sent_and_sends_nothing(at_home, call):
    code, out, _ = call("run --as-of 2026-03-11T12:00 --dry-run --json")
    told = json.loads(out)
    assert (code, told["delivery"], told["preview"]) == (0, None, [])


def test_providers_are_shown_with_their_health(at_home, call):
    code, out, _ = call("providers status --json")
    assert code == 0
    assert {(row["channel"], row["provider"], row["breaker"]) for row in json.loads(out)} >= {
        ("email", "console", "closed"),
        ("profile", "landing", "closed"),
    }


def test_only_a_dead_letter_is_replayed(at_home, call):
    code, out, _ = call("deadletters replay nobody --json")
    assert (code, json.loads(out)) == (1, {"planned": [], "refused": {"nobody": "not_a_dead_letter"}})


def test_an_installation_that_never_reached_people_has_no_fence_yet(at_home, call):
    code, out, _ = call("fence status --json")
    assert (code, json.loads(out)) == (0, [{"state": "new", "reason": ""}])
