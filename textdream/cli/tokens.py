"""`textdream token-search` and `similar`: tokens tried in a text."""

from __future__ import annotations

from typing import Annotated

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
    stopped,
    watch,
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
    """Try every token of the vocabulary at one position, or at several; the best and the worst.

    A worked example:

    ```
    textdream token-search "no wheeler for me ." \\
        --layer 4 --neuron 138 --word wheeler --change all
    ```

    Several positions give a map: at which word does a replacement do most?
    `--change 2,3 --joint` tries two positions together.
    """
    check_output(output, {"--direction": target.direction})
    from textdream.experiments.setting import objective_from
    from textdream.experiments.token_search import TokenSearch

    objective, position = objective_from(target)
    search = TokenSearch(load_model(model), text, objective, config, word=target.word, position=position)
    interrupted = watch(search)
    finish(search.result(), output)
    return stopped(output) if interrupted else 0


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
    check_output(output, {"--direction": target.direction})
    from textdream.experiments.setting import objective_from
    from textdream.experiments.similar import similar as run

    objective, position = objective_from(target)
    loaded = load_model(model)
    with console().status("searching …"):
        result = run(loaded, text, objective, config, word=target.word, position=position)
    finish(result, output)
    return 0
