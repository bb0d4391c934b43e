"""Contact lists as people have them: odd encodings, bad rows, and consents that nobody can prove."""

import json
from datetime import datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from connectors.events import Event, parse_json
from connectors.landing import FolderLanding
from dagster_project.cli import app
from dagster_project.imports import contacts as contacts_module
from dagster_project.imports.contacts import BadListError, import_contacts, read_mapping

NOW = datetime(2026, 3, 2, 10)
LIST = "email,first_name,consent_email,consent_at,consent_source,consent_proof\n"


def import_into(folder, text, *, mapping=None, now=NOW, **options):
    path = folder / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_contacts(path, FolderLanding(folder / "landing"), mapping or {}, now, **options)


def landed_in(folder):
    landing = FolderLanding(folder / "landing")
    return [
        parse_json(row) for file in landing.files() for row in landing.read(file.name).read().splitlines()
    ]


@pytest.fixture
def run(tmp_path):
    return partial(import_into, tmp_path)


@pytest.fixture
def landed(tmp_path):
    return partial(landed_in, tmp_path)


def said(events):
    return [(event.event_name, json.loads(event.traits), json.loads(event.properties)) for event in events]


def test_a_list_becomes_people_and_the_consents_that_it_proves(run, landed):
    result = run(LIST + "ann@x.example,Ann,yes,2026-01-05,shop fair,form 17\nbob@x.example,Bob,no,,,\n")
    assert (result.rows, result.contacts, result.subscribed, result.unsubscribed) == (2, 2, 1, 1)
    assert result.faults == []
    common = {"channel": "email", "purpose": "marketing"}
    assert said(landed()) == [
        ("Identified", {"email": "ann@x.example", "firstName": "Ann"}, {}),
        ("Subscribed", {}, common | {"email": "ann@x.example", "source": "shop fair", "proof": "form 17"}),
        ("Identified", {"email": "bob@x.example", "firstName": "Bob"}, {}),
        ("Unsubscribed", {}, common | {"email": "bob@x.example"}),
    ]
    assert landed()[1].occurred_at == datetime(2026, 1, 5)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("yes,,fair,form 17", ("consent_at", "consent_at")),
        ("yes,2026-01-05,,form 17", ("consent_source", "consent_source")),
        ("yes,2026-01-05,fair,", ("consent_proof", "consent_proof")),
        ("yes,2026-05-01,fair,form 17", ("consent_at", "consent_at")),
        ("yes,5.1.2026,fair,form 17", ("consent_at", "consent_at")),
        ("perhaps,2026-01-05,fair,form 17", ("consent_email", "consent_email")),
    ],
)
def test_a_yes_that_is_not_proven_is_none_though_the_person_loads(run, landed, row, fault):
    result = run(LIST + f"ann@x.example,Ann,{row}\n")
    assert [event.event_name for event in landed()] == ["Identified"]
    assert [(found.line, found.column, found.field) for found in result.faults] == [(2, *fault)]


@pytest.mark.parametrize("missing", ["consent_at", "consent_source", "consent_proof"])
def test_consents_without_a_column_for_their_proof_are_refused_as_a_whole(run, missing):
    with pytest.raises(BadListError, match=f"map {missing} as well"):
        run(LIST.replace(missing, "something") + "ann@x.example,Ann,yes,x,x,x\n")


def test_bad_rows_are_reported_by_line_and_column_and_the_rest_loads(run, landed):
    text = (
        "E-Mail;Telefon;Geburtstag;Name\n"
        "ann@x.example;;1990-12-31;Ann\n"
        "kein-at;;;Bob\n"
        ";0660 1234;;Cid\n"
        ";;;Dora\n"
        "eve@x.example;;31.12.1990;Eve\n"
        "zu;kurz\n"
        "\n"
        ";+43 660 1234567;;Fay\n"
    )
    mapping = {"email": "E-Mail", "phone": "Telefon", "birthday": "Geburtstag", "trait.nick": "Name"}
    result = run(text, mapping=mapping)
    assert (result.rows, result.contacts, result.delimiter) == (7, 2, ";")
    assert [(fault.line, fault.column, fault.field) for fault in result.faults] == [
        (3, "E-Mail", "email"),
        (4, "Telefon", "phone"),
        (5, "", ""),
        (6, "Geburtstag", "birthday"),
        (7, "", ""),
    ]
    assert [json.loads(event.traits) for event in landed()] == [
        {"email": "ann@x.example", "birthday": "1990-12-31", "nick": "Ann"},
        {"phone": "+436601234567", "nick": "Fay"},
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_is_found_out(run, landed, encoding):
    result = run("email,first_name\njörg@x.example,Jörg\n".encode(encoding))
    assert result.encoding == encoding
    assert [json.loads(event.traits)["firstName"] for event in landed()] == ["Jörg"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out_even_if_others_are_within_quotes(run, landed, delimiter):
    run(delimiter.join(["email", '"trait.a,b;c|d"'.replace(",b;c|d", "_b"), "first_name"]) + "\n"
        + delimiter.join(["ann@x.example", '"1,2;3|4"', "Ann"]) + "\n")  # fmt: skip
    assert [json.loads(event.traits)["a_b"] for event in landed()] == ["1,2;3|4"]


def test_a_dry_run_finds_the_same_and_writes_nothing(run, landed):
    text = LIST + "ann@x.example,Ann,yes,2026-01-05,fair,form 17\nbob,Bob,,,,\n"
    dry = run(text, is_dry_run=True)
    assert landed() == []
    wet = run(text)
    assert (dry.contacts, dry.subscribed, dry.faults) == (wet.contacts, wet.subscribed, wet.faults) == (
        1, 1, wet.faults)  # fmt: skip


def test_the_same_list_again_writes_nothing_and_a_row_in_another_list_has_the_same_id(run, landed):
    run("email,first_name\nann@x.example,Ann\n")
    assert run("email,first_name\nann@x.example,Ann\n", now=datetime(2026, 4, 1)).files == 0
    assert len(landed()) == 1
    run("email,first_name\nann@x.example,Ann\nbob@x.example,Bob\n", now=datetime(2026, 4, 1))
    assert len({event.event_id for event in landed()}) == 2


def test_an_import_that_dies_goes_on(run, landed, monkeypatch):
    monkeypatch.setattr(contacts_module, "ROWS_PER_FILE", 2)
    text = "email\n" + "".join(f"p{number}@x.example\n" for number in range(7))
    write, written = FolderLanding.write, []

    def dies_after_two(landing, name, records):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(name)
        return write(landing, name, records)

    monkeypatch.setattr(FolderLanding, "write", dies_after_two)
    with pytest.raises(KeyboardInterrupt):
        run(text)
    monkeypatch.setattr(FolderLanding, "write", write)
    assert run(text).files == 2
    assert len(landed()) == len({event.event_id for event in landed()}) == 7


def test_bytes_that_the_encoding_does_not_know_cost_their_row_alone(run, landed):
    result = run(b"email,first_name\nann@x.example,J\xf6rg\nbob@x.example,Bob\n", encoding="utf-8")
    assert [(fault.line, fault.reason) for fault in result.faults] == [(2, "not utf-8: see --encoding")]
    assert [json.loads(event.traits)["firstName"] for event in landed()] == ["Bob"]
    assert run(b"email,first_name\nann@x.example,J\xf6rg\nbob@x.example,Bob\n").contacts == 2
    assert len({event.event_id for event in landed()}) == 2


def test_an_unclosed_quote_costs_its_own_rows_and_is_reported(run, landed):
    result = run('email,first_name\n"ann@x.example,Ann\n' + "x" * 70_000 + "\nbob@x.example,Bob\n")
    assert result.faults
    assert all(isinstance(event, Event) for event in landed())


@pytest.mark.parametrize(
    ("text", "mapping", "reason"),
    [
        ("Name\nAnn\n", {}, "no column is mapped to user_id, email, phone"),
        ("Mail\nann@x.example\n", {"email": "E-Mail"}, "'E-Mail' for email is not among Mail"),
        ("email,email\na,b\n", {}, "is there more than once"),
        ("", {}, "there are none"),
    ],
)
def test_a_list_that_does_not_fit_its_mapping_says_what_to_write(run, text, mapping, reason):
    with pytest.raises(BadListError, match=reason):
        run(text, mapping=mapping)


def test_a_mapping_is_pairs_and_files(tmp_path):
    path = tmp_path / "mapping.yml"
    path.write_text("email: E-Mail\ntrait.size: Größe\n")
    assert read_mapping([str(path), "phone=Tel"]) == {
        "email": "E-Mail",
        "trait.size": "Größe",
        "phone": "Tel",
    }
    for word in ("mail=E-Mail", "nothing.yml"):
        with pytest.raises(BadListError, match="--map"):
            read_mapping([word])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=200) | st.text('ab@x.,;"\n\r é0+yesno', max_size=120).map(str.encode))
def test_whatever_is_in_a_file_every_row_loads_or_is_reported_and_no_yes_appears(tmp_path_factory, body):
    folder = tmp_path_factory.mktemp("contacts")
    result = import_into(folder, LIST.encode() + body)
    events = landed_in(folder)
    assert all(isinstance(event, Event) for event in events)
    assert result.contacts == sum(event.event_name == "Identified" for event in events)
    reported = {fault.line for fault in result.faults if not fault.field.startswith("consent")}
    assert result.contacts + len(reported) <= result.rows + 1
    assert [event for event in events if event.event_name == "Subscribed"] == []


def test_the_command_says_what_it_found_and_ends_with_1_if_rows_are_bad(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    path = tmp_path / "list.csv"
    path.write_text("email\nann@x.example\nbob\n")
    faults = tmp_path / "faults.csv"
    done = CliRunner().invoke(app, ["import", "contacts", str(path), "--json", "--faults", str(faults)])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["contacts"], told["faults"], told["first_faults"][0]["line"]) == (1, 1, 3)
    assert "bob" not in done.stdout + faults.read_text()
