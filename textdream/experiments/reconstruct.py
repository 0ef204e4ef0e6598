"""The text back from each layer's activation of it (PAIR, figure 5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from textdream.configs import ReconstructConfig
from textdream.corpus.plan import choose_layers
from textdream.errors import InputError
from textdream.experiments.progress import Progress
from textdream.experiments.rebuilding import check_setting, chosen_method, goal_of, target_of, told_ids
from textdream.experiments.rebuilt import layer_record, nearest_rival
from textdream.experiments.resume import check_kept
from textdream.experiments.setting import free_positions_of, header
from textdream.experiments.synonyms import SynonymSearch
from textdream.inversion import Annealing, Goal, Hybrid, LeftToRight
from textdream.lens import Lenses, LinearLens, lenses
from textdream.model import Model, Read
from textdream.records import LayerReconstruction, LensInfo, ReconstructResult, Synonyms

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
        self.ids = told_ids(model, text, self.config)
        self.layers = choose_layers(self.config.layers, model.info.layers)
        check_setting(model, self.ids, self.config, self.layers)
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
        # One number says too little for a lens.
        if left and self.method != "anneal" and self.config.neuron is None:
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
            done[self._under_way.layer] = self._better(self._record(self._under_way, finished=False))
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
            target=target_of(self.model, self.config),
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
        begin, stopped = time.perf_counter(), False
        budget = self.config.seconds(self.method)
        self._under_way = under_way = _UnderWay(layer, search, begin)
        if self.method == "hybrid" and (kept := self._unfinished(layer)) is not None:
            # An earlier run's search found it from the same goal, so that no text leaks in; it is there to be bettered.
            search.found.measure(torch.tensor([kept.best.ids]))
        for sign in search:
            spent = time.perf_counter() - begin
            done, total = (sign.done, sign.total) if sign.total else (round(min(spent, budget)), round(budget) or 1)
            yield Progress(f"layer {layer}", done, total)
            enough = self.config.evaluations is not None and search.found.evaluations >= self.config.evaluations
            if (spent >= budget or enough) and search.found.ids is not None:
                stopped = True
                break
        # An annealing is a schedule: cut short, it is not the run that was asked for.
        finished = not (stopped and self.method == "anneal")
        self._done[layer] = record = self._better(self._record(under_way, finished))
        self._under_way = None
        said = f"{record.accuracy:.0%} of the tokens, loss {record.loss:.1e}"
        if record.exact:
            # Part of a layer may be given by many texts.
            said = "exact" if goal.whole else "activation exact"
            if goal.whole and record.ambiguous and record.rival is not None:
                said += f" up to {record.best.tokens[record.rival.position]} ↔ {record.rival.token}"
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
        record = layer_record(self.model, self.ids, under_way.layer, search, self.method, seconds, finished, rival)
        kept = self._unfinished(record.layer)
        if kept is None or self.method != "hybrid":
            return record
        spent = {name: getattr(record, name) + getattr(kept, name) for name in ("seconds", "evaluations", "gradients")}
        return record.model_copy(update=spent)

    def _unfinished(self, layer: int) -> LayerReconstruction | None:
        """What an interrupted run had of a layer, if its text is one of this length."""
        kept = self._kept.get(layer)
        return kept if kept is not None and len(kept.best.ids) == len(self.ids) and not kept.finished else None

    def _better(self, record: LayerReconstruction) -> LayerReconstruction:
        """The record, or what an interrupted run had if that is nearer: a run that begins anew must first get as far."""
        kept = self._unfinished(record.layer)
        # A hybrid search has measured it; an annealing that came to its end is the run that was asked for.
        of_its_own = self.method == "hybrid" or (self.method == "anneal" and record.finished)
        if kept is None or of_its_own or record.loss <= kept.loss:
            return record
        return kept.model_copy(update={"finished": record.finished})

    def _take_over(self, kept: ReconstructResult) -> None:
        """An earlier result of the same settings: its finished layers are not run again, and no layer is lost."""
        check_kept(
            kept,
            self.model,
            self.config,
            OWN,
            text=(kept.start.ids, self.ids.tolist()),
            target=(kept.target, target_of(self.model, self.config)),
        )
        same_tokens = (kept.settings.get("change"), kept.settings.get("top")) == (self.config.change, self.config.top)
        for one in kept.layers:
            whole = [found.position for found in one.synonyms or ()] == list(self._changed) and same_tokens
            taken = one if one.synonyms is None or whole else one.model_copy(update={"synonyms": None})
            self._kept[one.layer] = taken
            if one.finished and one.layer in self.layers:
                self._done[one.layer] = taken
        self._lens_info = kept.lens if self.config.neuron is None else None
        self._before = kept.seconds


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
