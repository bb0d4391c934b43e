"""The content of messages that are not e-mails: SMS and MMS, push, WhatsApp."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.content.template import TemplateError, TemplateSpec
from connectors.model import Action, Content, Message

Fill = Callable[[str], str]
"""Fills a text of the template for this recipient."""


def mobile_content(
    message: Message, spec: TemplateSpec, fill: Fill, brand: Mapping[str, Any], locale: str
) -> Content:
    """What the recipient of an SMS, push or WhatsApp message sees.

    A marketing SMS ends with the brand's opt-out sentence. It is added here and nowhere else, so that lint,
    preview, segment count and every vendor see the text that is sent.

    Raises:
        TemplateError: when a sentence or an approved template is missing.
    """
    text = fill(spec.text or "").strip()
    if message.channel == "sms" and message.message_class == "marketing":
        text = with_opt_out(text, brand, locale)
    return Content(
        text=text,
        subject=fill(spec.subject_of(message.variant)) if spec.subject else None,
        url=_filled(fill, spec.url),
        image=_filled(fill, spec.image),
        actions=tuple(
            Action(action.name, fill(action.title), _filled(fill, action.url)) for action in spec.actions
        ),
        data=_approved(message, spec, fill, locale) if message.channel == "whatsapp" else {},
    )


def with_opt_out(text: str, brand: Mapping[str, Any], locale: str) -> str:
    """The text, ending with the way out in the recipient's language, or in the brand's."""
    sentences: Mapping[str, str] = brand.get("sms_opt_out") or {}
    sentence = _by_language(sentences, locale) or _by_language(sentences, brand["locale"])
    if not sentence:
        raise TemplateError("brand.yml: sms_opt_out has no sentence for the brand's own language: add it")
    return text if sentence in text else f"{text} {sentence}".strip()


def help_text(brand: Mapping[str, Any]) -> str:
    """What HELP is answered with, as carriers ask: who writes, where help is, how to end it."""
    return with_opt_out(f"{brand['name']}: {brand['support_email']}, {brand['url']}.", brand, brand["locale"])


def _approved(message: Message, spec: TemplateSpec, fill: Fill, locale: str) -> dict[str, Any]:
    """The approved template, in the recipient's language if it was approved in it, else in its first one."""
    if spec.approved is None:
        raise TemplateError(f"{message.template_path}/template.yml: a WhatsApp message needs `approved`")
    languages = spec.approved.languages
    names = {language: language for language in languages}
    language = _by_language(names, locale) or next(iter(languages))
    return {
        "template": spec.approved.name,
        "language": language,
        "content_sid": languages[language],
        "parameters": [fill(parameter) for parameter in spec.approved.parameters],
    }


def _by_language(texts: Mapping[str, str], locale: str) -> str | None:
    """`de_AT` finds de_AT, else de."""
    return texts.get(locale) or texts.get(locale.partition("_")[0])


def _filled(fill: Fill, text: str | None) -> str | None:
    """An optional text; empty means none."""
    return (fill(text).strip() or None) if text else None
