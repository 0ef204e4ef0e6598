"""`textdream reconstruct`: the text back from the activations of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from textdream.cli.app import OUTPUT, SEARCH, app
from textdream.cli.common import (
    Flat,
    Model_,
    Output,
    OutputConfig,
    check_output,
    finish,
    kept_result,
    load_model,
    stopped,
    watch,
)
from textdream.configs import ModelConfig, ReconstructConfig

if TYPE_CHECKING:
    from textdream.experiments.progress import Progress


@app.command
def reconstruct(
    text: Annotated[str, Parameter(help="The text whose activations are rebuilt, in quotes.")],
    *,
    config: Annotated[ReconstructConfig, Flat, Parameter(group=SEARCH)] = ReconstructConfig(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
    resume: Annotated[
        bool, Parameter(help="Go on where the file at --out stopped.", negative="", group=OUTPUT)
    ] = False,
) -> int:
    """Rebuild the text from each layer's activation of it.

    A worked example:

    ```
    textdream reconstruct "he compressed his temples with his hands ." \\
        --layers all --out reconstruct.json
    ```

    The search is given the activation and the length, never the text. Exact means
    that what is left is float32 noise for these very tokens.
    """
    check_output(output, {"--corpus": config.corpus})
    from textdream.experiments.reconstruct import Reconstruction
    from textdream.records import ReconstructResult, write_result

    kept = kept_result(output, ReconstructResult) if resume else None
    search = Reconstruction(load_model(model), text, config, kept=kept)

    def keep(step: Progress) -> None:
        if step.news is not None and output.out is not None and search.found:
            write_result(search.result(), output.out)

    interrupted = watch(search, keep)
    finish(search.result(), output)
    return stopped(output) if interrupted else 0
