"""Whether an earlier result is of the same run, so that what it found need not be searched for again."""

from __future__ import annotations

from typing import Any

from textdream.errors import ResultError
from textdream.experiments.setting import header
from textdream.model import Model
from textdream.records.result import Result


def check_kept(kept: Result, model: Model, config: Any, own: tuple[str, ...], **same: tuple[Any, Any]) -> None:
    """Raise ResultError unless an earlier result is of this model, seed and these settings.

    Parameters
    ----------
    own
        Settings that may change.
    same
        What else must agree: theirs, and ours.
    """
    ours = header(model, config, 0.0)["settings"]
    checked = {
        "model": (kept.model.sha256, model.info.sha256),
        "seed": (kept.seed, config.seed),
        **same,
        **{name: (kept.settings.get(name), ours[name]) for name in ours if name not in own},
    }
    for what, (theirs, wanted) in checked.items():
        if theirs != wanted:
            raise ResultError(
                f"the file to resume has another {what} ({theirs!r:.60})",
                f"the same, {wanted!r:.60}",
                "give another --out",
            )
