"""The gate as the shards know it: the run, whether the broker knows its writers, and whose keys count."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from streams.core.reference.fields import Frozen, Name

PublicKey = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""The public half of an Ed25519 key (RFC 8032), as hexadecimal digits."""


class GateConfig(Frozen):
    """Conditions of live orders.

    run_id: name of the run; a decision on another one counts for nothing. authenticated: Kafka asks its writers for
    passwords; without that there is no live level. keys: sign decisions. approvers: by name, sign approvals.
    """

    run_id: str = ""
    authenticated: bool = False
    keys: tuple[PublicKey, ...] = ()
    approvers: dict[Name, PublicKey] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _two_keys(self) -> Self:
        """Demands two keys: whoever evaluates can't approve."""
        names: dict[str, str] = {}
        for name, key in self.approvers.items():
            if key in self.keys:
                raise ValueError(f"approver {name} has the gate's key; an approval needs a key of its own")
            if key in names:
                raise ValueError(f"approvers {names[key]} and {name} have the same key; give each a key of their own")
            names[key] = name
        return self
