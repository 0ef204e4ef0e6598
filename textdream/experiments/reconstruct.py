"""The text back from each layer's activation of it (PAIR, figure 5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isinf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from textdream.configs import ReconstructConfig
from textdream.corpus.plan import choose_layers
from textdream.errors import InputError, ResultError
from textdream.experiments.progress import Progress
from textdream.experiments.rebuilt import layer_record, nearest_rival
from textdream.experiments.setting import free_positions_of, header
from textdream.experiments.synonyms import SynonymSearch
from textdream.inversion import Annealing, Goal, Hybrid, LeftToRight
from textdream.lens import Lenses, LinearLens, lenses
from textdream.model import Model, Read
from textdream.model.sites import BLOCK_SITES
from textdream.records import LayerReconstruction, LensInfo, ReconstructResult, Synonyms, Target

Search = Hybrid | LeftToRight | Annealing
# Settings that may change when a run is resumed: which layers, and what is looked for beside them.
OWN = ("layers", "synonyms", "change", "top")


@dataclass
class _UnderWay:
    """The layer that is being rebuilt."""

    layer: int
    search: Search
    begin: float


class Reconstruction:
    """Layers under way: iterate over it, and ask for the result at any time.

    Stopping early (a break, an exception, Ctrl-C) keeps the finished layers, and the best so far of the one under way.

    Parameters
    ----------
    model
        From `textdream.load`.
    text
        Its activations are rebuilt. The search itself is given the activation, the length, and the special tokens.
    config
        Which layers, what of them, and how.
    kept
        An earlier result of the same text and settings: its finished layers are taken over.

    Raises
    ------
    InputError
        If text, layers, position, neuron or method do not fit the model.
    ResultError
        If `kept` is of another model, text or settings.
    """

    def __init__(
        self,
        model: Model,
        text: str,
        config: ReconstructConfig | None = None,
        *,
        kept: ReconstructResult | None = None,
    ) -> None:
        self.model, self.config = model, config or ReconstructConfig()
        self._begin, self._before = time.perf_counter(), 0.0
        self.ids: Int[Tensor, " pos"] = torch.tensor(model.tokens.encode(text))
        self.layers = choose_layers(self.config.layers, model.info.layers)
        _check(model, self.ids, self.config, self.layers)
        self.method = chosen_method(model, self.config)
        self._changed = free_positions_of(model, self.ids, self.config.change, "--change")
        self.finished = False
        self._lenses: Lenses | None = None
        self._lens_info: LensInfo | None = None
        self._kept: dict[int, LayerReconstruction] = {}
        """Of an earlier result: they stay until they are run again."""
        self._done: dict[int, LayerReconstruction] = {}
        self._synonyms: dict[int, list[Synonyms]] = {}
        self._under_way: _UnderWay | None = None
        if kept is not None:
            self._take_over(kept)

    def __iter__(self) -> Iterator[Progress]:
        """One layer after the other; each step says how far it is."""
        left = [layer for layer in self.layers if layer not in self._done]
        if left and self.method != "anneal":
            yield from self._fit(left)
        for layer in left:
            yield from self._rebuild(layer)
        if self.config.synonyms:
            missing = [layer for layer in self.layers if self._done[layer].synonyms is None]
            search = SynonymSearch(self.model, self.ids, self.goals(missing), self._changed, self.config.top)
            for step in search:
                self._synonyms = search.found
                yield step
        self.finished = True

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self._done) or (self._under_way is not None and self._under_way.search.found.ids is not None)

    def goals(self, layers: list[int]) -> dict[int, Goal]:
        """What the search of each layer is given."""
        reads = {layer: Read(self.config.site, layer, head=self.config.head) for layer in layers}
        whole = {layer: Read(read.site, layer) for layer, read in reads.items()}
        if not layers:
            return {}
        states = self.model.engine.activations(self.ids[None], whole.values())
        return {
            layer: goal_of(self.model, read, self.ids, states[whole[layer]], self.config)
            for layer, read in reads.items()
        }

    def result(self) -> ReconstructResult:
        """The record of what was rebuilt; complete, or marked as interrupted.

        Raises
        ------
        InputError
            If no layer has a text yet.
        """
        if not self.found:
            raise InputError("no layer was rebuilt yet", "at least one", "iterate over the reconstruction first")
        done = self._kept | self._done
        if self._under_way is not None and self._under_way.search.found.ids is not None:
            done[self._under_way.layer] = self._record(self._under_way, finished=False)
        layers = [done[layer] for layer in sorted(done)]
        if self._synonyms:
            layers = [
                one
                if one.layer not in self._synonyms
                else one.model_copy(update={"synonyms": self._synonyms[one.layer]})
                for one in layers
            ]
        return ReconstructResult(
            **header(self.model, self.config, self._before + time.perf_counter() - self._begin),
            start=self.model.bare_sample(self.ids),
            target=_target(self.config),
            layers=layers,
            lens=self._lens_info,
            interrupted=not self.finished,
        )

    def _fit(self, layers: list[int]) -> Iterator[Progress]:
        """The lenses, from the cache or in one pass."""
        for step in lenses(self.model, self.config.site, layers, self.config.corpus, self.config.head):
            if isinstance(step, Lenses):
                self._lenses = step
                self._lens_info = LensInfo(corpus=step.source, sha256=step.sha256, texts=step.texts, tokens=step.tokens)
            else:
                yield Progress("fitting the lens", *step)

    def _rebuild(self, layer: int) -> Iterator[Progress]:
        """Search until the text is exact or the budget is spent."""
        (goal,) = self.goals([layer]).values()
        search = self._search(goal)
        begin, budget, stopped = time.perf_counter(), self.config.seconds, False
        self._under_way = under_way = _UnderWay(layer, search, begin)
        for _ in search:
            spent = time.perf_counter() - begin
            total = 0 if isinf(budget) else round(budget) or 1
            yield Progress(f"layer {layer}", round(min(spent, budget)), total)
            enough = self.config.evaluations is not None and search.found.evaluations >= self.config.evaluations
            if (spent >= budget or enough) and search.found.ids is not None:
                stopped = True
                break
        # An annealing is a schedule: cut short, it is not the run that was asked for.
        finished = not (stopped and self.method == "anneal")
        self._done[layer] = record = self._record(under_way, finished)
        self._under_way = None
        said = "exact" if record.exact else f"{record.accuracy:.0%} of the tokens, loss {record.loss:.1e}"
        yield Progress(f"layer {layer}", 1, 1, f"layer {layer}: {said}, {record.seconds:.1f} s")

    def _search(self, goal: Goal) -> Search:
        """The search that was asked for. It is given the goal; the text's own ids go nowhere else."""
        generator = torch.Generator().manual_seed(self.config.seed)
        if self.method == "anneal":
            return Annealing(goal, self.config.steps, generator)
        lens = None if self._lenses is None or goal.read.layer is None else self._lenses.by_layer[goal.read.layer]
        return build_search(goal, lens, self.method, generator)

    def _record(self, under_way: _UnderWay, finished: bool) -> LayerReconstruction:
        search = under_way.search
        rival = nearest_rival(search.found) if finished and search.found.exact else None
        seconds = time.perf_counter() - under_way.begin
        return layer_record(self.model, self.ids, under_way.layer, search, self.method, seconds, finished, rival)

    def _take_over(self, kept: ReconstructResult) -> None:
        """An earlier result of the same settings: its finished layers are not run again, and no layer is lost."""
        settings = header(self.model, self.config, 0.0)["settings"]
        same = {
            "model": (kept.model.sha256, self.model.info.sha256),
            "text": (kept.start.ids, self.ids.tolist()),
            "target": (kept.target, _target(self.config)),
            "seed": (kept.seed, self.config.seed),
            **{name: (kept.settings.get(name), settings[name]) for name in settings if name not in OWN},
        }
        for what, (theirs, ours) in same.items():
            if theirs != ours:
                raise ResultError(
                    f"the file to resume has another {what} ({theirs!r:.60})",
                    f"the same, {ours!r:.60}",
                    "give another --out",
                )
        same_tokens = (kept.settings.get("change"), kept.settings.get("top")) == (self.config.change, self.config.top)
        for one in kept.layers:
            whole = [found.position for found in one.synonyms or ()] == list(self._changed) and same_tokens
            taken = one if one.synonyms is None or whole else one.model_copy(update={"synonyms": None})
            self._kept[one.layer] = taken
            if one.finished and one.layer in self.layers:
                self._done[one.layer] = taken
        self._lens_info, self._before = kept.lens, kept.seconds


def reconstruct(
    model: Model, text: str, config: ReconstructConfig | None = None, *, kept: ReconstructResult | None = None
) -> ReconstructResult:
    """Rebuild a text from each layer's activation of it, to the end. See `Reconstruction` for the parameters.

    Raises
    ------
    InputError
        If text, layers, position, neuron or method do not fit the model.
    """
    search = Reconstruction(model, text, config, kept=kept)
    for _ in search:
        pass
    return search.result()


def build_search(
    goal: Goal,
    lens: LinearLens | None,
    method: str,
    generator: torch.Generator,
    start: Int[Tensor, " pos"] | None = None,
) -> Hybrid | LeftToRight:
    """The search for a text that gives an activation: all it knows is `goal` (and a text to start from)."""
    if method == "sipit":
        return LeftToRight(goal, lens)
    return Hybrid(goal, lens, generator, start)


def goal_of(
    model: Model,
    read: Read,
    ids: Int[Tensor, " pos"],
    states: Float[Tensor, "1 pos d"],
    config: ReconstructConfig | None = None,
) -> Goal:
    """The goal that the states of a text set: of its ids, only the special ones are handed on."""
    config = config or ReconstructConfig()
    frame = tuple(id_ if id_ in model.tokens.special else None for id_ in ids.tolist())
    goal = Goal(model, read, torch.zeros(1, 1), frame, config.position, config.neuron)
    return replace(goal, target=goal.select(states)[0].float())


def chosen_method(model: Model, config: ReconstructConfig) -> str:
    """The method that auto stands for."""
    if config.chosen != "auto":
        return config.chosen
    return "sipit" if model.tokens.causal and config.position is None and config.neuron is None else "hybrid"


def _check(model: Model, ids: Int[Tensor, " pos"], config: ReconstructConfig, layers: list[int]) -> None:
    if len(model.tokens.open_positions(ids.tolist())) < 2:
        raise InputError("the text has one token", "at least two", "give a sentence; `token-search` tries one token")
    if config.site not in BLOCK_SITES:
        raise InputError(f"--site {config.site!r} was given", f"one of {', '.join(BLOCK_SITES)}", "give one of them")
    heads = model.hf.config.num_attention_heads
    if (config.site == "head") != (config.head is not None):
        raise InputError("--site head and --head go together", "both or none", "give the other, or leave both out")
    if config.head is not None and config.head >= heads:
        raise InputError(
            f"head {config.head} is not in {model.name}", f"0 to {heads - 1}", "give one of them with --head"
        )
    if config.position is not None and config.position >= len(ids):
        raise InputError(
            f"position {config.position} is outside the text",
            f"it has {len(ids)} tokens: 0 to {len(ids) - 1}",
            "see `textdream tokens`",
        )
    for layer in layers:
        model.layout.place(config.site, layer)
    width = model.width(config.site, layers[0])
    if config.neuron is not None and config.neuron >= width:
        raise InputError(f"neuron {config.neuron} is not in {config.site}", f"0 to {width - 1}", "give one of them")
    if config.chosen == "sipit" and not model.tokens.causal:
        raise InputError(
            f"--method sipit was given for {model.name}, whose positions see those after them",
            "a causal model",
            "leave it out, or give --method hybrid",
        )
    if config.chosen == "sipit" and (config.position is not None or config.neuron is not None):
        raise InputError(
            "--method sipit was given for part of a layer", "a whole layer", "leave out --position and --neuron"
        )


def _target(config: ReconstructConfig) -> Target:
    """What of each layer the search was given."""
    parts = [
        config.site,
        "" if config.head is None else f"head {config.head}",
        "all positions" if config.position is None else f"position {config.position}",
        "" if config.neuron is None else f"neuron {config.neuron}",
    ]
    return Target(
        kind="layer" if config.neuron is None else "neuron",
        site=config.site,
        head=config.head,
        position=config.position,
        neuron=config.neuron,
        description=" ".join(filter(None, parts)),
    )
