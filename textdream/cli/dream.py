"""`textdream dream`."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from textdream.cli.app import SEARCH, app
from textdream.cli.common import Flat, Model_, Output, OutputConfig, Target, check_output, console, finish, load_model
from textdream.configs import DreamConfig, ModelConfig, TargetConfig


@app.command
def dream(
    text: Annotated[
        str, Parameter(help="The text to start from, in quotes; may be left out with --start random or top:10.")
    ] = "",
    *,
    target: Target = TargetConfig(),
    config: Annotated[DreamConfig, Flat, Parameter(group=SEARCH)] = DreamConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Find the text that a neuron, layer, direction or output responds to most.

    A worked example:

    ```
    textdream dream "he compressed his temples with his hands ." \\
        --layer 4 --neuron 138 --word hands --free all --out dream.json
    ```

    The result carries the best text, and a certificate that no single token makes it better.
    """
    check_output(output, {"--direction": target.direction})
    from textdream.experiments.dream import Dream
    from textdream.experiments.setting import objective_from
    from textdream.report.live import LiveDream

    objective, position = objective_from(target)
    run = Dream(load_model(model), text, objective, config, word=target.word, position=position)
    interrupted = False
    with LiveDream(console(), run.start.tokens, run.settings[0].position, config.minimise) as live:
        try:
            for step in run:
                start = run.settings[run.under_way]
                origin = run.model.tokens.names(start.ids.tolist()), start.position
                live.update(step.phase, run.steps[-1].tokens, run.steps[-1].hard, step.progress, origin)
        except KeyboardInterrupt:
            interrupted = True
    result = run.result()
    finish(result, output)
    if interrupted:
        where = f"the best so far is in {output.out}" if output.out else "above is the best so far; --out would keep it"
        print(f"textdream: interrupted; {where}", file=sys.stderr)
        return 130
    return 0
