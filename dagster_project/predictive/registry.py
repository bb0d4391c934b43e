"""All models, in the order in which people read them."""

from __future__ import annotations

from dagster_project.predictive.churn import CHURN
from dagster_project.predictive.model import Model
from dagster_project.predictive.next_order import NEXT_ORDER
from dagster_project.predictive.spend import SPEND_90, SPEND_365

MODELS: tuple[Model, ...] = (CHURN, SPEND_90, SPEND_365, NEXT_ORDER)


class UnknownModelError(LookupError):
    """There is no model of that name."""


def model_of(name: str) -> Model:
    """The model of a name.

    Raises:
        UnknownModelError: naming those that there are.
    """
    found = {model.name: model for model in MODELS}
    if name not in found:
        raise UnknownModelError(f"there is no model {name!r}; write one of {', '.join(found)}")
    return found[name]
