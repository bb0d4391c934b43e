"""Wrong input is told in words, with exit code 2; who only looks leaves nothing behind."""

from __future__ import annotations

import json
import shlex

import pyarrow as pa
import pyarrow.parquet
import pytest

from dagster_project import cli
from dagster_project.settings import Settings

LOOKS = (
    *("sends preview", "sends list", "segments list", "predictions show", "experiments list"),
    *("deadletters list", "audit list", "audit verify", "keys list", "webhooks status", "fence status"),
    *("providers status", "providers unknown", "doctor", "flows check", "sql 'select 1'"),
)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A home that is not there yet."""
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def refused(call):
    """What a call says that is refused."""

    def say(line):
        code, out, err = call(line)
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        return " ".join(err.replace("│", " ").split())

    return say


@pytest.mark.parametrize("line", LOOKS)
def test_who_only_looks_creates_nothing(line, nowhere, call):
    call(line)
    assert not nowhere.exists()


def test_a_preview_without_a_run_says_to_run_first(nowhere, refused):
    assert "`millrace run` first" in refused("sends preview")
    assert "`millrace run` first" in refused("segments list")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("MILLRACE_EVENTS_PER_SECOND", "abc", "MILLRACE_EVENTS_PER_SECOND is 'abc': write a number above 0"),
        ("MILLRACE_SEGMENT_SECONDS", "-1", "write a number above 0, or leave it out for 5"),
        ("MILLRACE_COLLECTOR_WORKERS", "1.5", "write a whole number"),
        ("MILLRACE_HASH_PII", "true", "write 1 for yes, 0 for no"),
        ("MILLRACE_STORE", "nonsense", "MILLRACE_STORE: write sqlite:////a/file"),
        ("MILLRACE_STORE", "postgresql://ann:geheim@host:port/x", "MILLRACE_STORE: write sqlite:////a/file"),
        ("MILLRACE_STORE", "postgresql+psycopg://ann:geheim@127.0.0.1:1/x", "the store cannot be used"),
        ("MILLRACE_PROVIDERS", "/nosuch.yml", "nosuch.yml cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, value, hint, nowhere, monkeypatch, refused):
    monkeypatch.setenv(name, value)
    said = refused("providers status")
    assert hint in said
    assert "geheim" not in said


def test_a_store_that_is_no_database_is_told(nowhere, monkeypatch, refused):
    nowhere.mkdir()
    (nowhere / "ledger.sqlite").write_bytes(b"no database" * 1000)
    assert refused("keys list") == "millrace: the store cannot be used: file is not a database"


def test_a_warehouse_that_is_none_is_told(nowhere, refused):
    nowhere.mkdir()
    (nowhere / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    assert "not a valid DuckDB database file" in refused("run")
    assert "not a valid DuckDB database file" in refused("sql 'select 1'")


@pytest.mark.parametrize(
    "line",
    [
        "segments export newsletter --output nosuch/x.csv",
        "templates render email/welcome --output nosuch/x.html",
        "import contacts list.csv --faults nosuch/x.csv",
    ],
)
def test_a_file_in_a_missing_folder_is_refused_before_anything_is_done(line, nowhere, tmp_path, refused):
    (tmp_path / "list.csv").write_text("email\nann@example.com\n")
    assert "there is no folder nosuch" in refused(line)
    assert not nowhere.exists()


@pytest.mark.parametrize("delimiter", [";;", "\n", '"'])
def test_a_delimiter_is_one_sign(delimiter, nowhere, tmp_path, refused):
    (tmp_path / "list.csv").write_text("email\nann@example.com\n")
    assert "write one sign" in refused(f"import contacts list.csv --delimiter {shlex.quote(delimiter)}")


def test_online_retail_says_which_file_it_wants(nowhere, tmp_path, refused):
    (tmp_path / "words.parquet").write_text("no parquet")
    pyarrow.parquet.write_table(pa.table({"invoice_no": ["1"]}), tmp_path / "columns.parquet")
    for file in ("words.parquet", "columns.parquet"):
        said = refused(f"import online-retail {file}")
        assert file in said
        assert "a Parquet file with the columns invoice_no, stock_code" in said


def test_names_that_do_not_exist_are_told_with_those_that_do(at_home, refused):
    assert "there are back_in_stock, birthday" in refused("sends list --flow nosuch")
    assert "'scheduled', 'skipped', 'deferred'" in refused("sends list --status nosuch")
    assert "'email', 'sms'" in refused("sends preview --channel nosuch")
    assert refused("templates render welcome") == (
        "millrace: there is no template 'welcome'; there are email/welcome"
    )
    assert "has the variants plain_subject, urgent_subject" in refused(
        "templates render email/cart_reminder --variant urgent"
    )
    assert "say behind `--` what dbt is to do" in refused("dbt")


def test_a_bug_keeps_its_trace(nowhere, monkeypatch):
    def broken(_):
        raise KeyError("models")

    monkeypatch.setattr("dagster_project.cli.keys.list_keys", broken)
    monkeypatch.setattr("sys.argv", ["millrace", "keys", "list"])
    with pytest.raises(KeyError):
        cli.main()


def test_counts_obey_flow_status_and_limit(at_home, call):
    whole = json.loads(call("sends list --counts --json")[1])
    assert {row["flow"] for row in whole} > {"welcome"}
    chosen = json.loads(call("sends list --counts --flow flow_welcome --status scheduled --json")[1])
    assert chosen == [row for row in whole if (row["flow"], row["status"]) == ("welcome", "scheduled")]
    assert json.loads(call("sends list --counts --limit 1 --json")[1]) == whole[:1]


def test_an_export_with_json_writes_the_file_and_says_so(at_home, tmp_path, call):
    target = tmp_path / "members.csv"
    code, out, _ = call(f"segments export newsletter --json --output {target}")
    assert (code, json.loads(out)) == (0, {"segment": "newsletter", "members": 2, "file": str(target)})
    assert len(target.read_text().splitlines()) == 3


def test_all_columns_of_one_name_are_shown(at_home, call):
    rows = json.loads(call("sql --json 'select 1 as a, 2 as a'")[1])
    assert rows == [{"a": 1, "a_1": 2}]


def test_sql_alone_lists_the_public_tables_with_their_grain(at_home, call):
    tables = json.loads(call("sql --json")[1])
    assert {"table": "orders", "of": "commerce", "grain": "One row per completed order"} in tables
    assert all(row["grain"].startswith("One row per ") for row in tables)
    assert not [row["table"] for row in tables if row["table"].startswith(("int_", "stg_"))]


def test_rejects_are_found_by_their_bare_name(at_home, call):
    assert json.loads(call("sql --json 'select file, field from rejects'")[1]) == [
        {"file": "people.ndjson", "field": "timestamp"}
    ]


def test_what_dbt_wrote_is_what_readers_see(at_home, call):
    settings = Settings.under(at_home)
    before = settings.serving_path.stat().st_ino
    assert (
        call("dbt --as-of 2026-03-11T12:00 -- ls --select segment_vip")[1]
        .splitlines()[0]
        .endswith("segment_vip")
    )
    assert settings.serving_path.stat().st_ino == before
    assert call("dbt --as-of 2026-03-11T12:00 -- run --select segment_vip")[0] == 0
    assert settings.serving_path.stat().st_ino != before
