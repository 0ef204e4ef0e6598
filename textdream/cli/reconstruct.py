"""`textdream reconstruct`: the text back from the activations of layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from textdream.cli.app import OUTPUT, SEARCH, app
from textdream.cli.common import Flat, Model_, Output, OutputConfig, check_output, finish, load_model, stopped, watch
from textdream.configs import ModelConfig, ReconstructConfig

if TYPE_CHECKING:
    from textdream.experiments.progress import Progress
    from textdream.records import ReconstructResult


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
    check_output(output)
    kept = _kept(output.out) if resume else None
    from textdream.experiments.reconstruct import Reconstruction
    from textdream.records import write_result

    search = Reconstruction(load_model(model), text, config, kept=kept)

    def keep(step: Progress) -> None:
        if step.news is not None and output.out is not None and search.found:
            write_result(search.result(), output.out)

    interrupted = watch(search, keep)
    finish(search.result(), output)
    return stopped(output) if interrupted else 0


def _kept(out: Path | None) -> ReconstructResult | None:
    """The result to go on from; None where there is no file yet."""
    from textdream.errors import InputError
    from textdream.records import ReconstructResult, read_result

    if out is None:
        raise InputError("--resume was given without --out", "the file to go on from", "give it with --out")
    if not out.exists():
        return None
    found = read_result(out)
    if not isinstance(found, ReconstructResult):
        raise InputError(f"{out} is a {found.type}", "a reconstruction to resume", "give another --out")
    if found.imported is not None:
        raise InputError(f"{out} was imported from a file of PAIR's", "a run of textdream's own", "give another --out")
    return found
