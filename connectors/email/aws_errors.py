"""What boto3 raises, as outcomes: the one table of `connectors.http`, with AWS's codes in front of it."""

from __future__ import annotations

import ssl

from botocore import exceptions as aws

from connectors.errors import StopSync, TryAgain
from connectors.http import Reply, Verdict, judge

NO_CREDENTIALS = (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)
NOT_CONNECTED = (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)

STATUSES = {
    "AccountSuspendedException": 403,
    "LimitExceededException": 429,
    "MailFromDomainNotVerifiedException": 403,
    "SendingPausedException": 403,
    "Throttling": 429,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
}
"""AWS answers most errors with 400; these mean what the status beside them means elsewhere."""


def judge_aws(error: Exception, provider: str) -> Verdict:
    """What an error of boto3 (with its own retries off) means for the one message of the call.

    Raises:
        TryAgain: the vendor took nothing, or there was no connection.
        StopSync: credentials or account are wrong, or there are no credentials to sign with.
    """
    name = type(error).__name__
    if isinstance(error, aws.ClientError):
        return _answered(error, provider)
    if isinstance(error, NO_CREDENTIALS):
        raise StopSync(f"{provider} has no credentials: set MILLRACE_{provider.upper()}_…") from None
    if isinstance(error, NOT_CONNECTED) or _is_certificate(error):
        raise TryAgain(f"not_connected: {name}") from None
    if isinstance(error, aws.ParamValidationError):
        return Verdict("rejected", "invalid_call")
    return Verdict("unknown", f"no_answer: {name}")


def _answered(error: aws.ClientError, provider: str) -> Verdict:
    """An answer other than success, read by its code where that says more than its status."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    about = error.response.get("ResponseMetadata", {})
    status = STATUSES.get(code, about.get("HTTPStatusCode"))
    verdict = judge(Reply(status, about.get("HTTPHeaders", {}), fault="ClientError"), provider)
    if verdict is None:
        return Verdict("unknown", "unreadable_answer")
    # A code is a word; whatever else stands in its place may quote an address.
    return Verdict(verdict.outcome, f"{provider} {code}") if code.isalpha() else verdict


def _is_certificate(error: Exception) -> bool:
    """TLS may fail in the middle of a call, too; a certificate fails before it."""
    cause = error.kwargs.get("error") if isinstance(error, aws.SSLError) else None
    reason = cause.args[0] if isinstance(cause, Exception) and cause.args else None
    return isinstance(reason, ssl.SSLCertVerificationError)
