"""What an objective asks of a forward pass: a site, a layer, a position."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Read:
    """One place to read. Its activation is [batch, d]; [batch, pos, d] if it has no position but the site has."""

    site: str
    layer: int | None = None
    position: int | None = None
    head: int | None = None

    def select(self, value: Tensor, heads: int = 1) -> Tensor:
        """Take the head and the position out of a whole site's activation [batch, pos, d]."""
        if self.head is not None:
            value = value.unflatten(-1, (heads, -1))[..., self.head, :]
        return value if self.position is None else value[:, self.position]
