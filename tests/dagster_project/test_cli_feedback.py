"""`millrace feedback read`: recorded posts and mailboxes, from a file to the ledger and to landing."""

import json
import mailbox
import shlex
import sys
from email import message_from_string

import pytest

from dagster_project import cli
from dagster_project.settings import Settings

DELIVERED = {
    "RecordType": "Delivery",
    "MessageID": "x",
    "Recipient": "ann@example.com",
    "DeliveredAt": "2026-03-01T10:00:00Z",
}
BOUNCED = {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "ID": 7, "Email": "bob@example.com"}
BOUNCE_MAIL = """From: MAILER-DAEMON@mx.example
To: hello@shop.example
Message-ID: <{number}@mx.example>
Date: Sun, 01 Mar 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; boundary=b; report-type=delivery-status

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {who}@example.com
Action: failed
Status: 5.1.1

--b--
"""


@pytest.fixture
def read(tmp_path, monkeypatch, capsys):
    """`read("posts.jsonl --provider postmark")`: exit code and what was said, in an installation of its own."""
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(line):
        monkeypatch.setattr(sys, "argv", ["millrace", "feedback", "read", *shlex.split(line)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out = capsys.readouterr().out
        return int(stopped.value.code or 0), json.loads(out) if "--json" in line else out

    return call


@pytest.fixture
def landed(tmp_path):
    def read():
        landing = Settings.under(tmp_path / "home").open_landing()
        return [
            json.loads(line)
            for file in landing.files()
            for line in landing.read(file.name).read().splitlines()
        ]

    return read


def record(path, *bodies):
    path.write_text("".join(json.dumps({"headers": {}, "body": json.dumps(body)}) + "\n" for body in bodies))


def test_recorded_posts_are_taken_in_once(read, landed, tmp_path):
    record(tmp_path / "posts.jsonl", DELIVERED, BOUNCED)
    line = "posts.jsonl --provider postmark --as-of 2026-03-02T10:00 --json"
    assert read(line) == (
        0,
        {
            "events": {"Email Delivered": 1, "Email Bounced": 1},
            "repeated": 0,
            "suppressed": 1,
            "lifted": 0,
            "resolved": 0,
            "written": 2,
            "rejects": [],
        },
    )
    assert read(line)[1] | {"events": {}} == {
        "events": {},
        "repeated": 2,
        "suppressed": 0,
        "lifted": 0,
        "resolved": 0,
        "written": 0,
        "rejects": [],
    }
    assert sorted(event["event"] for event in landed()) == ["Email Bounced", "Email Delivered"]


def test_what_cannot_be_read_is_named_by_line_and_field_and_the_rest_is_taken(read, tmp_path):
    record(tmp_path / "posts.jsonl", DELIVERED, {"RecordType": "Levitation"})
    with (tmp_path / "posts.jsonl").open("a") as posts:
        posts.write("nonsense\n")
    code, said = read("posts.jsonl --provider postmark --as-of 2026-03-02T10:00 --json")
    assert (code, said["events"], said["rejects"]) == (
        1,
        {"Email Delivered": 1},
        [
            {"file": "posts.jsonl:2", "field": "RecordType", "reason": "unknown Postmark record"},
            {"file": "posts.jsonl:3", "field": "", "reason": "not JSON"},
        ],
    )


def mail(number, who):
    return message_from_string(BOUNCE_MAIL.format(number=number, who=who))


def test_bounces_are_read_from_a_maildir_an_mbox_a_folder_and_a_file(read, tmp_path):
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(mail(1, "ann"))
    box.add(mail(2, "bob"))
    file = mailbox.mbox(tmp_path / "bounces.mbox")
    file.add(mail(3, "cid"))
    file.add(mail(4, "dan"))
    file.close()
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "one.eml").write_bytes(mail(5, "eve").as_bytes())
    for path, count in (("Maildir", 2), ("bounces.mbox", 2), ("mails", 1), ("mails/one.eml", 0)):
        code, said = read(f"{path} --provider bounces --json")
        assert (code, said["events"].get("Email Bounced", 0), said["suppressed"]) == (0, count, count)


def test_a_table_says_what_was_done_and_no_address(read, tmp_path):
    record(tmp_path / "posts.jsonl", BOUNCED, {"RecordType": "Levitation"})
    code, said = read("posts.jsonl --provider postmark")
    assert code == 1
    assert "Email Bounced" in said
    assert "unknown Postmark record" in said
    assert "bob@example.com" not in said


@pytest.mark.parametrize("line", ["nowhere.jsonl --provider postmark", "posts.jsonl --provider pigeon"])
def test_a_call_that_cannot_be_used_exits_with_two(read, tmp_path, line):
    record(tmp_path / "posts.jsonl", DELIVERED)
    assert read(line)[0] == 2
