"""Amazon SES: a real SDK against moto's server, and what its errors mean."""

import asyncio
import json
import ssl
from email import message_from_string
from email.policy import strict
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore import exceptions as aws
from moto.server import ThreadedMotoServer

from connectors.delivery.sender import ReadsBack
from connectors.email.aws_errors import judge_aws
from connectors.email.ses import SesSender, send_email
from connectors.errors import StopSync, TryAgain
from connectors.model import Content, Envelope
from tests.connectors.conformance.far_end import nobody

FROM = "Millrace Shop <hello@shop.example>"
CONTENT = Content("Größe", subject="Größe", html="<p>Hello</p>", unsubscribe_url="https://shop.example/u/1")
KEYS = {"access_key_id": "AKIDEXAMPLE1", "secret_access_key": "wJalrXUtnFEMI"}


@pytest.fixture
def cloud():
    server = ThreadedMotoServer("127.0.0.1", nobody(), verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    # Its state belongs to the process, not to the server.
    urlopen(Request(f"{url}/moto-api/reset", method="POST")).close()
    yield url
    server.stop()


def send(url, *envelopes, **options):
    async def run():
        sender = SesSender("eu-central-1", mail_from=FROM, base_url=url, **KEYS, **options)
        try:
            return await sender.send(envelopes)
        finally:
            await sender.close()

    return asyncio.run(run())


def verified(url):
    client = boto3.client(
        "sesv2",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id=KEYS["access_key_id"],
        aws_secret_access_key=KEYS["secret_access_key"],
    )
    client.create_email_identity(EmailIdentity="hello@shop.example")


def test_a_mail_arrives_whole_at_amazons_double(cloud, message, now):
    verified(cloud)
    (receipt,) = send(cloud, Envelope(message("ann"), CONTENT, now))
    with urlopen(f"{cloud}/moto-api/data.json") as answer:
        (kept,) = json.load(answer)["ses"]["RawMessage"]
    mail = message_from_string(kept["raw_data"], policy=strict)
    assert (receipt.outcome, receipt.provider_message_id) == ("accepted", kept["id"])
    # It counts the destination and the header.
    assert (set(kept["destinations"]), mail["Subject"]) == ({"ann@example.com"}, "Größe")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_an_unverified_sender_is_refused_by_amazons_double(cloud, message, now):
    (receipt,) = send(cloud, Envelope(message("ann"), CONTENT, now))
    assert (receipt.outcome, receipt.reason) == ("rejected", "ses MessageRejected")


def test_a_call_names_the_configuration_set_and_tags_the_mail_with_its_id(message, now):
    call = send_email(Envelope(message("ann"), CONTENT, now), FROM, "events")
    assert call["ConfigurationSetName"] == "events"
    assert call["EmailTags"] == [
        {"Name": "message_id", "Value": "message-ann"},
        {"Name": "message_class", "Value": "marketing"},
    ]


def test_there_is_no_log_to_ask_so_doubts_wait_for_events():
    assert not isinstance(SesSender("eu-central-1", mail_from=FROM, **KEYS), ReadsBack)


def test_without_credentials_a_person_must_act(message, now, monkeypatch):
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _self: None)
    with pytest.raises(StopSync, match="MILLRACE_SES"):
        asyncio.run(
            SesSender("eu-central-1", mail_from=FROM, base_url=f"http://127.0.0.1:{nobody()}").send(
                [Envelope(message("ann"), CONTENT, now)]
            )
        )


def answered(code, status=400):
    return aws.ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendEmail"
    )


def meaning(error):
    """The outcome and its reason, or the exception that stands for them."""
    try:
        verdict = judge_aws(error, "ses")
    except (TryAgain, StopSync) as stopped:
        return type(stopped).__name__
    return f"{verdict.outcome}: {verdict.reason}"


ERRORS = {
    "TooManyRequestsException": "TryAgain",
    "LimitExceededException": "TryAgain",
    "ThrottlingException": "TryAgain",
    "AccountSuspendedException": "StopSync",
    "SendingPausedException": "StopSync",
    "MailFromDomainNotVerifiedException": "StopSync",
    "MessageRejected": "rejected: ses MessageRejected",
    "BadRequestException": "rejected: ses BadRequestException",
    "no code, but ann@example.com": "rejected: http 400",
}


@pytest.mark.parametrize("code", ERRORS)
def test_amazons_codes_say_more_than_its_400(code):
    assert meaning(answered(code)) == ERRORS[code]


def test_a_certificate_fails_before_the_call_but_tls_may_fail_within_it():
    within = aws.SSLError(endpoint_url="https://ses", error=Exception(ssl.SSLError("decryption failed")))
    assert meaning(within) == "unknown: no_answer: SSLError"
    before = aws.SSLError(
        endpoint_url="https://ses", error=Exception(ssl.SSLCertVerificationError("expired"))
    )
    assert meaning(before) == "TryAgain"
