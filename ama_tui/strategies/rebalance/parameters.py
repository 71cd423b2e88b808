"""The parameters of `rebalance`: the packer's, and how far each signal moves the distances."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field, model_validator

from ama_tui.domain.money import AMOUNT_UNIT
from ama_tui.domain.plan import Rules
from ama_tui.strategies.packer_parameters import PackerParameters


class RebalanceParameters(PackerParameters):
    """A weight of 0 turns its signal off."""

    imbalance_weight: float = Field(
        default=0.25,
        ge=0,
        le=2,
        description="how far a one-sided book moves the distances, as a share of their range",
        json_schema_extra={"unit": "share", "form": "imbalance weight"},
    )
    inventory_weight: float = Field(
        default=0.5,
        ge=0,
        le=2,
        description="how far a full position moves a wallet's distances, as a share of their range",
        json_schema_extra={"unit": "share", "form": "inventory weight"},
    )
    full_position: float = Field(
        default=1.0,
        gt=0,
        le=1e12,
        description="position at which a wallet's distances have moved all the way",
        json_schema_extra={"unit": "base", "form": "full position"},
    )
    volatility_weight: float = Field(
        default=2.0,
        ge=0,
        le=100,
        description="ticks of extra distance per tick that the mid typically moves with a trade",
        json_schema_extra={"unit": "ticks", "form": "volatility weight"},
    )
    volatility_trades: int = Field(
        default=30,
        ge=1,
        le=10_000,
        description="trades after which a trade counts half for the volatility",
        json_schema_extra={"unit": "trades", "form": "volatility half-life"},
    )
    slack_ticks: int = Field(
        default=5,
        ge=0,
        le=100_000,
        description="how far an order may leave its distances before it is moved",
        json_schema_extra={"unit": "ticks", "form": "slack"},
    )
    min_rest_seconds: int = Field(
        default=5,
        ge=0,
        le=3600,
        description="how long an order rests before it is moved, unless it would soon cross",
        json_schema_extra={"unit": "s", "form": "shortest rest"},
    )

    @property
    def full18(self) -> int:
        """The full position with 18 decimals."""
        return max(1, int(Decimal(str(self.full_position)) * AMOUNT_UNIT))

    @model_validator(mode="after")
    def _spreads_evenly(self) -> RebalanceParameters:
        if self.rules is not Rules.EVEN:
            raise ValueError("rebalance has one rule set; leave --rules out")
        return self
