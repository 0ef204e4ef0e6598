"""`textdream token-search` and `similar`: tokens tried at one position."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from textdream.cli.app import SEARCH, app
from textdream.cli.common import (
    Flat,
    Model_,
    Output,
    OutputConfig,
    Target,
    Text,
    check_output,
    console,
    finish,
    load_model,
)
from textdream.configs import ModelConfig, SimilarConfig, TargetConfig, TokenSearchConfig


@app.command(name="token-search")
def token_search(
    text: Text,
    *,
    target: Target = TargetConfig(),
    config: Annotated[TokenSearchConfig, Flat, Parameter(group=SEARCH)] = TokenSearchConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Try every token of the vocabulary at one position; the best and the worst.

    A worked example:

    ```
    textdream token-search "no wheeler for me ." \\
        --layer 4 --neuron 138 --position 3
    ```
    """
    from textdream.experiments.token_search import token_search as run

    return _at_one_position(run, text, target, config, model, output)


@app.command
def similar(
    text: Text,
    *,
    target: Target = TargetConfig(),
    config: Annotated[SimilarConfig, Flat, Parameter(group=SEARCH)] = SimilarConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Show the nearest tokens in embedding space, and the activation with each in place.

    A worked example:

    ```
    textdream similar "no wheeler for me ." \\
        --layer 4 --neuron 138 --position 3 --metric cosine
    ```
    """
    from textdream.experiments.similar import similar as run

    return _at_one_position(run, text, target, config, model, output)


def _at_one_position(
    run: Any, text: str, target: TargetConfig, config: Any, model: ModelConfig, output: OutputConfig
) -> int:
    check_output(output)
    from textdream.experiments.setting import objective_from

    objective, position = objective_from(target)
    with console().status("searching …"):
        result = run(load_model(model), text, objective, config, word=target.word, position=position)
    finish(result, output)
    return 0
