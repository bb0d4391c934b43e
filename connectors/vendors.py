"""Which vendors there are, and how their senders are opened: one line each."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from connectors.delivery.console import FolderSender
from connectors.delivery.profile_update import ProfileUpdates
from connectors.delivery.sender import Rate, Sender
from connectors.email.console import console_email
from connectors.errors import StopSync
from connectors.providers import Providers, ProvidersError, ProviderSpec
from connectors.push.console import console_push
from connectors.sms.console import console_sms

VENDORS = {
    ("email", "smtp"): "connectors.email.smtp:SmtpSender",
    ("email", "ses"): "connectors.email.ses:SesSender",
    ("email", "sendgrid"): "connectors.email.sendgrid:SendGridSender",
    ("email", "postmark"): "connectors.email.postmark:PostmarkSender",
    ("sms", "twilio"): "connectors.sms.twilio:TwilioSmsSender",
    ("whatsapp", "twilio"): "connectors.chat.twilio_whatsapp:TwilioWhatsAppSender",
    ("whatsapp", "whatsapp"): "connectors.chat.whatsapp:WhatsAppSender",
    ("push", "fcm"): "connectors.push.fcm:FcmSender",
    ("push", "apns"): "connectors.push.apns:ApnsSender",
    ("push", "web_push"): "connectors.push.web_push:WebPushSender",
}
"""Class by channel and provider; imported when used, so that a missing extra harms nobody else."""

OURS: Mapping[tuple[str, str], Callable[[Path, str], Sender]] = {
    ("email", "console"): console_email,
    ("sms", "console"): lambda outbox, _: console_sms(outbox),
    ("whatsapp", "console"): lambda outbox, _: FolderSender("whatsapp", outbox / "whatsapp"),
    ("push", "console"): lambda outbox, _: console_push(outbox),
    ("webhook", "console"): lambda outbox, _: FolderSender("webhook", outbox / "webhook"),
    ("profile", "landing"): lambda _outbox, _: ProfileUpdates(),
}
"""What reaches nobody outside: folders, and our own landing."""


def open_senders(
    providers: Providers, credentials: Mapping[str, str], outbox: Path, mail_from: str
) -> dict[str, tuple[Sender, ...]]:
    """The senders of an installation by channel, in failover order.

    Args:
        providers: what `providers.yml` says.
        credentials: secrets by `<PROVIDER>_<ARGUMENT>`, such as `SES_REGION`; of an argument that both name,
            the file's counts.
        outbox: folder of the console senders.
        mail_from: mailbox in `From:`.

    Raises:
        ProvidersError: a provider that does not exist, an option that it does not take, a credential that is
            not set: all of them at once.
    """
    opened: dict[str, tuple[Sender, ...]] = {}
    mistakes: list[str] = []
    for channel, specs in providers.channels.items():
        senders = []
        for spec in specs:
            try:
                senders.append(_open(channel, spec, credentials, outbox, mail_from))
            except ProvidersError as error:
                mistakes.append(str(error))
        opened[channel] = tuple(senders)
    if mistakes:
        raise ProvidersError("\n".join(mistakes))
    return opened


def reaches_people(senders: Mapping[str, tuple[Sender, ...]]) -> bool:
    """Whether anything leaves this machine."""
    return any(
        (channel, sender.provider) not in OURS for channel, listed in senders.items() for sender in listed
    )


def _open(
    channel: str, spec: ProviderSpec, credentials: Mapping[str, str], outbox: Path, mail_from: str
) -> Sender:
    place = (channel, spec.provider)
    if place in OURS:
        return _paced(OURS[place](outbox, mail_from), spec)
    if place not in VENDORS:
        known = ", ".join(sorted(name for at, name in {*VENDORS, *OURS} if at == channel))
        raise ProvidersError(f"{channel}: there is no provider {spec.provider!r}; there are: {known}")
    vendor = _load(place)
    arguments, missing = _arguments(vendor, spec, credentials, mail_from)
    if missing and spec.stand_in:
        return OURS[channel, spec.stand_in](outbox, mail_from)
    if missing:
        raise ProvidersError(f"{channel}/{spec.provider}: set {', '.join(missing)}")
    try:
        return _paced(vendor(**arguments), spec)
    except StopSync as error:
        raise ProvidersError(f"{channel}/{error}") from error


def _load(place: tuple[str, str]) -> Callable[..., Sender]:
    module, _, name = VENDORS[place].partition(":")
    try:
        return cast("Callable[..., Sender]", getattr(importlib.import_module(module), name))
    except ModuleNotFoundError as error:
        raise ProvidersError(
            f"{'/'.join(place)}: {error.name} is not installed; see the extras in pyproject.toml"
        ) from error


def _arguments(
    vendor: Callable[..., Sender], spec: ProviderSpec, credentials: Mapping[str, str], mail_from: str
) -> tuple[dict[str, Any], list[str]]:
    """What the class takes, from the file and the environment; and the variables that are not set."""
    takes = inspect.signature(vendor).parameters
    if unknown := sorted(spec.options.keys() - takes.keys()):
        raise ProvidersError(
            f"{spec.provider}: no option {', '.join(unknown)}; there are: {', '.join(takes)}"
        )
    found = {"mail_from": mail_from} if "mail_from" in takes else {}
    texts = [name for name, parameter in takes.items() if "str" in str(parameter.annotation)]
    found |= {name: value for name in texts if (value := credentials.get(_variable(spec.provider, name)))}
    found |= spec.options
    required = [name for name, parameter in takes.items() if parameter.default is parameter.empty]
    return found, [f"MILLRACE_{_variable(spec.provider, name)}" for name in required if name not in found]


def _variable(provider: str, argument: str) -> str:
    return f"{provider}_{argument}".upper()


def _paced(sender: Sender, spec: ProviderSpec) -> Sender:
    """The sender with the rate of the file where it has one."""
    if spec.rate.per_second or spec.rate.concurrent:
        sender.rate = Rate(
            spec.rate.per_second or sender.rate.per_second, spec.rate.concurrent or sender.rate.concurrent
        )
    return sender
