"""E-mail through Amazon SES v2: `SendEmail` with the finished MIME message, by boto3 in threads.

SES writes its own `Message-ID` over ours; what comes back with its events are the tag and the header that
carry our message id. There is no log to ask by that id (`GetMessageInsights` wants the id that SES gives in
the answer, which is just what a doubt lacks), so a doubt is resolved by the event publishing of the
configuration set: a `send` event with our tag says that SES took the message. Hence no read-back here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from botocore.parsers import ResponseParserError

from connectors.delivery.sender import AnyAddress, Rate
from connectors.delivery.singly import one_by_one
from connectors.email.aws_errors import judge_aws
from connectors.email.mime import compose, mailbox, recipient
from connectors.http import CONNECT_SECONDS
from connectors.model import Envelope, Receipt


class SesSender(AnyAddress):
    """One account in one region.

    Args:
        region: such as `eu-central-1`.
        mail_from: mailbox in `From:`; a verified identity.
        access_key_id: with `secret_access_key`; without both, boto3 finds the credentials of its machine.
        secret_access_key: as above.
        configuration_set: where bounces, complaints and `send` events are published from. Without one,
            doubts stay doubts.
        base_url: another endpoint than the region's own.
        connections: calls at once; the rate is the account's, see `providers.yml`.
        timeout_seconds: for an answer; over it the outcome is unknown.
    """

    channel = "email"
    provider = "ses"
    batch_size = 1
    is_repeatable = False

    def __init__(
        self,
        region: str,
        *,
        mail_from: str,
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        configuration_set: str | None = None,
        base_url: str | None = None,
        connections: int = 16,
        timeout_seconds: float = 30.0,
    ) -> None:
        self.rate = Rate(concurrent=connections)
        self._mail_from = mail_from
        self._configuration_set = configuration_set
        self._threads: ThreadPoolExecutor | None = None
        # At level DEBUG botocore writes whole requests, with addresses and signatures, to the log.
        logging.getLogger("botocore").setLevel(logging.INFO)
        self._client: Any = boto3.Session().client(
            "sesv2",
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            endpoint_url=base_url,
            config=Config(
                connect_timeout=min(CONNECT_SECONDS, timeout_seconds),
                read_timeout=timeout_seconds,
                max_pool_connections=connections,
                # A retry inside the SDK is a blind resend.
                retries={"mode": "standard", "total_max_attempts": 1},
            ),
        )

    async def send(self, batch: Sequence[Envelope]) -> list[Receipt]:
        """Send each message by a call of its own, in a thread."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.rate.concurrent, "ses")
        loop, threads = asyncio.get_running_loop(), self._threads

        async def send_one(envelope: Envelope) -> Receipt:
            return await loop.run_in_executor(threads, self._send_one, envelope)

        return await one_by_one(batch, self.provider, send_one)

    async def close(self) -> None:
        """Give connections and threads back."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        self._client.close()

    def _send_one(self, envelope: Envelope) -> Receipt:
        message_id = envelope.message.message_id
        call = send_email(envelope, self._mail_from, self._configuration_set)
        try:
            answer = self._client.send_email(**call)
        except (aws.BotoCoreError, aws.ClientError, ResponseParserError, OSError) as error:
            return judge_aws(error, self.provider).receipt(message_id, self.provider)
        if not answer.get("MessageId"):
            return Receipt(message_id, "unknown", self.provider, reason="unreadable_answer")
        return Receipt(message_id, "accepted", self.provider, provider_message_id=answer["MessageId"])


def send_email(envelope: Envelope, mail_from: str, configuration_set: str | None = None) -> dict[str, Any]:
    """The arguments of `SendEmail`; tags come back with every event of the message.

    Raises:
        Rejected: the address is none, or the message cannot be composed.
    """
    message = envelope.message
    tags = {"message_id": message.message_id, "message_class": message.message_class}
    call: dict[str, Any] = {
        "FromEmailAddress": mailbox(mail_from),
        "Destination": {"ToAddresses": [recipient(message.address)]},
        "Content": {"Raw": {"Data": compose(envelope, mail_from)}},
        "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
    }
    return call | ({"ConfigurationSetName": configuration_set} if configuration_set else {})
