"""Which sites and layers of a model are indexed, and the numbers that nobody has to choose."""

from __future__ import annotations

import re

from textdream.configs import CorpusConfig
from textdream.errors import InputError
from textdream.model import Model, Read

# Sites that have a row of neurons at every token in every layer.
SITES = ("resid_post", "mlp_pre", "mlp_post", "attn_out")
# Random directions at each (site, layer).
DIRECTIONS = 8
# Tokens of the sample: a percentile is then known to 0.4 points at the median, to 0.08 at 99 %.
SAMPLE = 16_384


def choose_reads(model: Model, config: CorpusConfig) -> tuple[Read, ...]:
    """The places to read, site by site, in the order of layers.

    Raises
    ------
    InputError
        If a site or a layer is not one of this model's.
    """
    sites = [site.strip() for site in config.sites.split(",")]
    for site in sites:
        if site not in SITES:
            raise InputError(
                f"--sites {config.sites!r} was given",
                f"one or more of {', '.join(SITES)}, with commas",
                "leave the others out",
            )
    layers = choose_layers(config.layers, model.info.layers)
    reads = tuple(Read(site, layer) for site in SITES if site in sites for layer in layers)
    for read in reads:
        model.layout.place(read.site, read.layer)
    return reads


def choose_layers(text: str, count: int) -> list[int]:
    """`all`, `0:6` (0 to 5) or `2,5`, of a model with `count` layers.

    Raises
    ------
    InputError
        If it is none of these, or a layer is not in the model.
    """
    has = f"the model has {count} layer{'s'[: count > 1]}: 0 to {count - 1}"
    if text == "all":
        return list(range(count))
    if match := re.fullmatch(r"(\d{1,6}):(\d{1,6})", text):
        layers = list(range(int(match[1]), int(match[2])))
    elif re.fullmatch(r"\d{1,6}(,\d{1,6})*", text):
        layers = sorted({int(part) for part in text.split(",")})
    else:
        raise InputError(f"--layers {text!r} was given", "all, a range such as 0:6, or a list such as 2,5", has)
    if not layers:
        raise InputError(f"--layers {text} holds no layer", has, "give a range whose end lies after its start")
    if layers[-1] >= count:
        raise InputError(f"--layers {text} reaches layer {layers[-1]}", has, "give layers of these")
    return layers
