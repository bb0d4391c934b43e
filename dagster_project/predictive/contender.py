"""What every way to predict has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

Kind = Literal["probability", "money", "days"]


class Contender(Protocol):
    """Something that predicts one number per customer."""

    def predict(self, customers: pl.DataFrame) -> NDArray[np.float64]:
        """One number per row of `features.customers_at`."""
        ...
