"""`textdream fill-mask`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from textdream.cli.app import SEARCH, TARGET, app
from textdream.cli.common import Flat, Model_, Output, OutputConfig, check_output, console, finish, load_model
from textdream.configs import FillMaskConfig, ModelConfig


@app.command(name="fill-mask")
def fill_mask(
    text: Annotated[str, Parameter(help="The text, in quotes; it may hold the mask token.")],
    *,
    position: Annotated[
        str | None,
        Parameter(
            help="Token position that is predicted; default: the text's own mask, in causal models what comes next.",
            group=TARGET,
        ),
    ] = None,
    word: Annotated[
        str | None, Parameter(help="The word that is predicted, in place of --position.", group=TARGET)
    ] = None,
    config: Annotated[FillMaskConfig, Flat, Parameter(group=SEARCH)] = FillMaskConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
) -> int:
    """Show what the model predicts behind a mask, or as the next token.

    A worked example:

    ```
    textdream fill-mask "the doctor said that he was late ." \\
        --word he --tokens he,she --model bert-tiny-mlm
    ```

    The mask is put at the position, unless the text holds it: "the [MASK] said".
    A causal model predicts from what stands before the position.
    """
    check_output(output)
    from textdream.experiments.fill_mask import fill_mask as run
    from textdream.experiments.setting import position_from

    place = position_from(position)
    loaded = load_model(model)
    with console().status("predicting …"):
        result = run(loaded, text, config, word=word, position=place)
    finish(result, output)
    return 0
