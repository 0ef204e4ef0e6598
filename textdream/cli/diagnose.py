"""`textdream diagnose`: why a dream failed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from textdream.cli.app import SEARCH, app
from textdream.cli.common import (
    Flat,
    Model_,
    Output,
    OutputConfig,
    Target,
    check_output,
    console,
    finish,
    load_model,
    stopped,
    watch,
)
from textdream.configs import DiagnoseConfig, ModelConfig, TargetConfig
from textdream.errors import InputError

if TYPE_CHECKING:
    from textdream.model import Model
    from textdream.records import DreamResult


@app.command
def diagnose(
    what: Annotated[str, Parameter(help="The result file of a dream; or a text, in quotes, with a target.")],
    *,
    target: Target = TargetConfig(),
    config: Annotated[DiagnoseConfig, Flat, Parameter(group=SEARCH)] = DiagnoseConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Say why a dream failed: tokens lost in annealing, rough neighbourhoods, or the gap between mixtures and tokens.

    A worked example:

    ```
    textdream diagnose "no wheeler for me ." \\
        --layer 4 --neuron 138 --word wheeler --steps 600
    ```

    A text is annealed first, as PAIR did. A dream's file is diagnosed as it is: its annealing is run again, with its own
    settings and seed, to watch the tokens that would have been best.
    """
    check_output(output, {"WHAT": what, "--direction": target.direction})
    dream = dream_in(what, target, config)
    if dream is not None and model == ModelConfig(device=model.device):
        model = replace(model, model=dream.model.name)
    loaded = load_model(model)
    from textdream.experiments.diagnose import Diagnosis

    made = None
    if dream is None:
        dream = made = annealing(loaded, what, target, config)
    try:
        if made is not None and made.interrupted:
            raise KeyboardInterrupt
        diagnosis = Diagnosis(loaded, dream, config)
        interrupted = watch(diagnosis)
    except KeyboardInterrupt:
        if made is None:
            raise
        # What there is to keep is the annealing: its file can be diagnosed.
        finish(made, output)
        return stopped(output)
    finish(diagnosis.result(), output)
    return stopped(output) if interrupted else 0


def dream_in(what: str, target: TargetConfig, config: DiagnoseConfig) -> DreamResult | None:
    """The dream in a file; None if a text was given."""
    from textdream.records import DreamResult, read_result

    try:
        is_file = Path(what).is_file()
    except (OSError, ValueError):  # A long text is no path.
        is_file = False
    if not is_file and (target != TargetConfig() or not what.endswith(".json")):
        if target == TargetConfig():
            raise InputError(
                f"{what[:60]!r} is no file, and no target was given",
                "a dream's result file, or a text with a target",
                "give --layer and --neuron with a text",
            )
        return None
    own = DiagnoseConfig(
        context=config.context, neighbours=config.neighbours, controls=config.controls, seed=config.seed
    )
    if target != TargetConfig() or config != own:
        raise InputError(
            f"{what} is a dream's file, and a target or settings of an annealing were given",
            "the file alone: it has its own",
            "leave them out",
        )
    found = read_result(what)
    if not isinstance(found, DreamResult):
        raise InputError(f"{what} is a {found.type}", "the result file of a dream", "give a dream's")
    if found.imported is not None:
        raise InputError(
            f"{what} was imported from a file of PAIR's, whose model is unknown",
            "a dream of textdream's own, which can be run again",
            "give its text and target in place of the file",
        )
    return found


def annealing(model: Model, text: str, target: TargetConfig, config: DiagnoseConfig) -> DreamResult:
    """The dream of a text whose failure is to be explained, drawn while it runs; stopped by Ctrl-C, as far as it came."""
    from textdream.experiments.diagnose import annealed
    from textdream.experiments.setting import objective_from
    from textdream.report.progress import LiveProgress

    objective, position = objective_from(target)
    run = annealed(model, text, objective, config, word=target.word, position=position)
    with LiveProgress(console()) as live, suppress(KeyboardInterrupt):
        for step in run:
            done, total = step.progress or (0, 1)
            live.update("annealing", done, total)
    return run.result()
