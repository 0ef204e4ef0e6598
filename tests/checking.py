"""What checks shapes and types while the tests run: beartype, with int as a float (PEP 484), as mypy sees it."""

from __future__ import annotations

from typing import Any

from beartype import BeartypeConf, beartype
from beartype.roar import BeartypeDecorHintPep3119Exception

_strict = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(thing: Any) -> Any:
    try:
        return _strict(thing)
    except BeartypeDecorHintPep3119Exception:  # A protocol that isinstance cannot check.
        return thing
