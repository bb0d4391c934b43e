"""SMTP keeps to what every vendor keeps to, with servers that pipeline and with servers that do not."""

from connectors.email.smtp import SmtpSender
from tests.connectors.conformance.mail_server import MailServer
from tests.connectors.conformance.suite import Conformance

ABSENT = {
    "busy_until": "SMTP names no moment",
    "moved": "SMTP has no redirects",
    "gateway_timeout": "SMTP has no gateways: silence is a case of its own",
    **dict.fromkeys(
        ("reordered", "duplicated", "shortened"), "replies have an order, and one content has one"
    ),
}


class TestSmtp(Conformance):
    provider = "smtp"
    secrets = ("smtp-password",)
    absent = ABSENT
    suppresses = "hard_bounced"
    says_when = False

    def far_end(self):
        return MailServer()

    def url(self, port):
        return f"smtp://shop:smtp-password@127.0.0.1:{port}"

    def open(self, url, timeout_seconds):
        return SmtpSender(url, "Shop <hello@shop.example>", timeout_seconds=timeout_seconds)

    def prepare(self, far, *cases):
        far.behaves(["dead_address", "accepted"] if cases == ("failure_inside",) else cases)

    def keys(self, far):
        return [far.key(mail) for mail in far.mails]


class TestSmtpWithoutPipelining(TestSmtp):
    def far_end(self):
        return MailServer(extensions=("AUTH PLAIN LOGIN",))
