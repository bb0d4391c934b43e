"""Who reports back: one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connectors.feedback import bounce_mail, mailgun, postmark, sendgrid, ses, twilio, whatsapp
from connectors.feedback.model import Feedback, Post, Reject


@dataclass(frozen=True, slots=True)
class Provider:
    """A vendor's two functions, and what its secret is called in the vendor's own console."""

    normalize: Callable[[Post], list[Feedback | Reject]]
    verify: Callable[[Post, str], None]
    secret: str


PROVIDERS = {
    "ses": Provider(ses.normalize, ses.verify, "ARN of the SNS topic"),
    "sendgrid": Provider(sendgrid.normalize, sendgrid.verify, "verification key"),
    "postmark": Provider(postmark.normalize, postmark.verify, "user:password of the webhook's URL"),
    "mailgun": Provider(mailgun.normalize, mailgun.verify, "HTTP webhook signing key"),
    "twilio": Provider(twilio.normalize, twilio.verify, "auth token"),
    "whatsapp": Provider(whatsapp.normalize, whatsapp.verify, "app secret"),
    "bounces": Provider(bounce_mail.normalize, bounce_mail.verify, ""),
}
