"""`textdream shift audit`: which other words change with a word along a concept, more than chance."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from textdream.cli.app import OUTPUT, SEARCH
from textdream.cli.common import (
    Flat,
    Model_,
    Output,
    OutputConfig,
    check_places,
    console,
    finish,
    load_model,
    plain,
    watch,
)
from textdream.cli.shift import shift_app
from textdream.configs import ModelConfig, ShiftAuditConfig
from textdream.errors import InputError

if TYPE_CHECKING:
    from textdream.experiments.progress import Progress

EVERY = 5.0
"""Seconds at least between two writings of the runs while the audit is under way."""
SHARE = 20
"""And so many times what the last writing took."""


@shift_app.command
def audit(
    *,
    config: Annotated[ShiftAuditConfig, Flat, Parameter(group=SEARCH)] = ShiftAuditConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
    runs: Annotated[
        Path | None, Parameter(help="Write all runs to this Parquet file, also while they go on.", group=OUTPUT)
    ] = None,
    resume: Annotated[
        bool, Parameter(help="Go on where the file at --runs stopped.", negative="", group=OUTPUT)
    ] = False,
) -> int:
    """Find the other words that change with a word, along a concept more than at random.

    A worked example:

    ```
    textdream shift audit --word she --concept he-she.safetensors --layer 4 \\
        --magnitude 10 --frames professions,sports --most 40 \\
        --out audit.json --runs audit.parquet
    ```

    In each sentence the word's activation is moved along the concept, and as far along
    random directions; the nearest texts are compared, sentence by sentence.
    """
    written = {"--out": output.out, "--html": output.html, "--runs": runs}
    check_places(written, {"--concept": config.concept, "--sentences": config.sentences})
    if resume and runs is None:
        raise InputError("--resume was given without --runs", "the file to go on from", "give it with --runs")
    config.check_complete()
    from textdream.experiments.audit_runs import read_runs, write_runs
    from textdream.experiments.shift_audit import ShiftAudit

    kept = read_runs(runs) if resume and runs is not None and runs.exists() else None
    search = ShiftAudit(load_model(model), config, kept=kept)
    wait, last = EVERY, time.monotonic()

    def keep(step: Progress) -> None:
        nonlocal wait, last
        begin = time.monotonic()
        if runs is not None and step.news is not None and begin - last >= wait:
            write_runs(runs, search.identity, search.result(), kept)
            last = time.monotonic()
            wait = max(EVERY, SHARE * (last - begin))

    interrupted = watch(search, keep)
    result = search.result()
    if runs is not None:
        write_runs(runs, search.identity, result, kept)
    finish(result, output)
    if runs is not None and not output.json:
        console(stderr=False).print(plain(f" runs written to {runs}", dim=True), soft_wrap=True)
    if interrupted:
        where = f"{search.found} of {result.planned} sentences are done"
        more = "; --resume goes on" if runs is not None else "; --runs would keep them to go on from"
        print(f"textdream: interrupted; {where}{more}", file=sys.stderr)
    return 130 if interrupted else 0
