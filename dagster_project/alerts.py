"""Telling people that something needs them."""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_project.settings import Settings

SECONDS_TO_ANSWER = 10

log = logging.getLogger("millrace")


def alert(settings: Settings, text: str, *, level: int = logging.ERROR) -> None:
    """Log a message and post it as `{"text": …}` to the alert webhook of the settings (Slack, Teams).

    An alert that cannot be posted is logged as well; it never breaks what it reports on.
    """
    log.log(level, text)
    if settings.alert_webhook is None:
        return
    request = urllib.request.Request(  # noqa: S310  (the address is the operator's own setting)
        settings.alert_webhook,
        data=json.dumps({"text": f"Millrace: {text}"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER).close()  # noqa: S310
    except OSError as error:
        log.error("the alert webhook does not answer: %s", error)  # noqa: TRY400  (the cause is the message)
