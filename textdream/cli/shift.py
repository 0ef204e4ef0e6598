"""`textdream shift TEXT`: a word's activation moved, and text rebuilt from that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal  # noqa: F401 (the annotations of the config are looked up here)

from cyclopts import App, Parameter

from textdream.cli.app import OUTPUT, SEARCH, app
from textdream.cli.common import (
    Flat,
    Model_,
    Output,
    OutputConfig,
    Text,
    check_output,
    finish,
    kept_result,
    load_model,
    stopped,
    watch,
)
from textdream.configs import ModelConfig, ShiftConfig

if TYPE_CHECKING:
    from textdream.experiments.progress import Progress

shift_app = App(name="shift")
shift_app["--help"].group = app["--help"].group
app.command(shift_app)


@dataclass(frozen=True)
class ShiftFlags(ShiftConfig):
    """The same, with a flag whose value may begin with a minus."""

    magnitudes: Annotated[str, Parameter(allow_leading_hyphen=True)] = "-15:15:1"
    """From:to:step, both ends included, or a list such as -5,0,5."""


@shift_app.default
def shift(
    text: Text,
    *,
    config: Annotated[ShiftFlags, Flat, Parameter(group=SEARCH)] = ShiftFlags(),
    model: Model_ = ModelConfig(),
    output: Output = OutputConfig(),
    resume: Annotated[
        bool, Parameter(help="Go on where the file at --out stopped.", negative="", group=OUTPUT)
    ] = False,
) -> int:
    """Move one word's activation along a concept, and rebuild the text from that.

    A worked example:

    ```
    textdream shift "she played baseball with her friends" \\
        --word she --concept he-she.safetensors --magnitudes -15:15:5
    ```

    The shifted activation may belong to no text: what is left of the distance stands
    beside each text.
    """
    check_output(output, {"--concept": config.concept})
    config.check_complete()
    from textdream.experiments.shift import Shifting
    from textdream.records import ShiftResult, write_result

    kept = kept_result(output, ShiftResult) if resume else None
    search = Shifting(load_model(model), text, config, kept=kept)

    def keep(step: Progress) -> None:
        if step.news is not None and output.out is not None:
            write_result(search.result(), output.out)

    interrupted = watch(search, keep)
    finish(search.result(), output)
    return stopped(output) if interrupted else 0
