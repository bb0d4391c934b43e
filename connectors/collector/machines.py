"""Who opens and clicks before a person does: privacy proxies, security scanners, link checkers.

Nothing is thrown away. An event that looks like a machine's says so, and why; both numbers can be counted.
What is judged (user agent, method, time) is not kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

PREFETCHES = ("Mozilla/5.0",)
"""All that Apple's mail privacy proxy says of itself. Gmail's and Yahoo's proxies fetch a picture when a
person opens the mail, so they count as a person unless they come too soon."""
SCANNERS = re.compile(
    r"barracuda|proofpoint|mimecast|ironport|cisco ?secure|safelinks|fireeye|trellix|forti(?:mail|gate|net)|"
    r"sophos|symantec|messagelabs|trend ?micro|mcafee|kaspersky|checkpoint|zscaler|cloudmark|spamassassin|"
    r"urlscan|virustotal|(?<!cu)bot\b|crawler|spider|scanner|preview|prefetch|headless|phantomjs|"
    r"curl/|wget|python|go-http-client|java/|libwww|httpclient|node-fetch|axios|ruby",
    re.IGNORECASE,
)
TOO_SOON = timedelta(seconds=5)
"""After the hand-over to the mail server. Reading takes longer; a scanner looks before it delivers."""
TRAP_SECONDS = 60.0
MOST_TRAPPED = 50_000


def machine_signal(
    method: str, user_agent: str, channel: str, sent_at: datetime | None, now: datetime
) -> str | None:
    """Why a request is a machine's: `head`, `no_agent`, `privacy_proxy`, `scanner`, `too_soon` or none.

    Args:
        method: HTTP method.
        user_agent: as given, empty when there is none.
        channel: only mails are scanned on their way; a tap on a push may come at once.
        sent_at: naive UTC; none when the ledger does not know.
        now: naive UTC.
    """
    if method == "HEAD":
        return "head"
    agent = user_agent.strip()
    if not agent:
        return "no_agent"
    if agent in PREFETCHES:
        return "privacy_proxy"
    if SCANNERS.search(agent):
        return "scanner"
    is_early = channel == "email" and sent_at is not None and now - sent_at < TOO_SOON
    return "too_soon" if is_early else None


class Trapped:
    """Messages in which somebody has just followed the link that no person sees; known to this process."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def spring(self, message_id: str) -> None:
        """What is done in this message during the next minute is a machine's doing."""
        if len(self._until) >= MOST_TRAPPED:
            self._until.clear()
        self._until[message_id] = self._seconds() + TRAP_SECONDS

    def holds(self, message_id: str) -> bool:
        """Whether a machine is going through this message."""
        return self._until.get(message_id, 0.0) > self._seconds()
