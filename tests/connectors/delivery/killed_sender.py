"""The victim of the crash test: forks a sender, kills it with SIGKILL after a random while, and again."""

import os
import random
import signal
import sys
import time
from datetime import datetime, timedelta

from connectors.delivery import deliver
from connectors.email.smtp import SmtpSender
from connectors.landing import open_landing
from connectors.model import Content, Message
from connectors.store import open_store

NOW = datetime(2026, 3, 2, 10)
LONGEST_LIFE_SECONDS = 0.5


class PlainRenderer:
    """Content without a template."""

    def render(self, message):
        return Content(text=f"for {message.profile_id}", subject="Hello", html="<p>Hello</p>" * 50)


def message(number):
    """A receipt, which needs no consent."""
    return Message(
        message_id=f"m{number:031d}",
        kind="flow",
        flow="flow_post_purchase",
        step="confirmation",
        entry_id=f"entry-{number}",
        profile_id=f"profile-{number}",
        channel="email",
        address=f"p{number}@example.com",
        template="email/order_confirmation",
        variant=None,
        message_class="transactional",
        priority=100,
        decided_at=NOW,
        due_at=NOW,
    )


def send_all(store_url, folder, smtp_url, size, now):
    """One run of delivery over the whole list."""
    store = open_store(store_url)
    sender = SmtpSender(smtp_url, "Shop <hello@shop.example>")
    due = map(message, range(size))
    deliver(store, open_landing(folder), due, {"email": sender}, PlainRenderer(), now)
    store.close()


def main(store_url, folder, smtp_url, size, kills):
    """`kills` senders that die, then one that finishes."""
    dice = random.Random(7)
    for life in range(int(kills)):
        child = os.fork()
        if child == 0:
            send_all(store_url, folder, smtp_url, int(size), NOW + timedelta(minutes=life))
            os._exit(0)
        time.sleep(dice.uniform(0.02, LONGEST_LIFE_SECONDS))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    send_all(store_url, folder, smtp_url, int(size), NOW + timedelta(hours=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
