"""`providers.yml`: providers by channel in failover order, their pace, and what is declared of messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from connectors.delivery.policies import Late, Policies, UnknownPolicy, WarmUp

SHIPPED = Path(__file__).with_name("providers.yml")

Channel = Literal["email", "sms", "whatsapp", "push", "profile", "webhook"]
MessageClass = Literal["marketing", "operational", "transactional"]


class ProvidersError(ValueError):
    """The file cannot be used; every mistake on a line of its own, with the words that are allowed."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RateSpec(_Strict):
    """Instead of the vendor's published limits."""

    per_second: PositiveFloat | None = None
    concurrent: PositiveInt | None = None


class WarmUpSpec(_Strict):
    """On the n-th day (UTC) from `starts_on` at most `per_day[n - 1]` messages; after the last, no limit."""

    starts_on: date
    per_day: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class ProviderSpec(_Strict):
    """One provider of a channel.

    Attributes:
        options: arguments of the vendor's class that are not secret.
        stand_in: what delivers while the provider's credentials are not set; without it, that is an error.
    """

    provider: str
    options: dict[str, Any] = {}
    rate: RateSpec = RateSpec()
    warm_up: WarmUpSpec | None = None
    stand_in: Literal["console"] | None = None


class LateSpec(_Strict):
    """What happens to a message that leaves later than it was due."""

    then: Literal["send", "skip", "ask"]
    after_hours: PositiveFloat = 24.0


class UnknownSpec(_Strict):
    """What happens to doubts that nobody resolved."""

    horizon_hours: PositiveFloat = 12.0
    policies: dict[MessageClass, UnknownPolicy] = {}


class Providers(_Strict):
    """The whole file."""

    channels: dict[Channel, Annotated[tuple[ProviderSpec, ...], Field(min_length=1)]]
    domains: dict[str, WarmUpSpec] = {}
    late_send: dict[MessageClass, LateSpec] = {}
    unknown: UnknownSpec = UnknownSpec()

    def policies(self, mail_from: str) -> Policies:
        """What the delivery loop needs to know; a domain's plan holds for all providers of e-mail."""
        domain = mail_from.rpartition("@")[2].strip(" >").lower()
        return Policies(
            late={
                name: Late(spec.then, timedelta(hours=spec.after_hours))
                for name, spec in self.late_send.items()
            },
            unknown={name: policy for name, policy in self.unknown.policies.items()},  # noqa: C416  (wider keys)
            unknown_horizon=timedelta(hours=self.unknown.horizon_hours),
            warm_up={
                (channel, spec.provider): tuple(self._plans(channel, spec, domain))
                for channel, specs in self.channels.items()
                for spec in specs
            },
        )

    def _plans(self, channel: str, spec: ProviderSpec, domain: str) -> Iterable[WarmUp]:
        if spec.warm_up:
            yield WarmUp(f"{channel}/{spec.provider}", spec.warm_up.starts_on, spec.warm_up.per_day)
        if channel == "email" and (plan := self.domains.get(domain)):
            yield WarmUp(domain, plan.starts_on, plan.per_day)


def load_providers(path: Path = SHIPPED) -> Providers:
    """Read and check the file.

    Raises:
        ProvidersError: with file, field and allowed words for every mistake.
    """
    try:
        return Providers.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ProvidersError(f"{path.name} cannot be read: {error}") from error
    except ValidationError as invalid:
        mistakes = "\n".join(f"{path.name}: {_words(mistake)}" for mistake in invalid.errors())
        raise ProvidersError(mistakes) from invalid


def _words(mistake: Mapping[str, Any]) -> str:
    """`channels.email.0.rate.per_second: Input should be greater than 0`."""
    field = ".".join(str(part) for part in mistake["loc"] if part != "[key]") or "the file"
    return f"{field}: {mistake['msg']}"
