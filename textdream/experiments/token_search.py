"""Every token of the vocabulary at one position, exactly ranked; at several, a map; at two together, the best pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from textdream.configs import TokenSearchConfig
from textdream.errors import InputError
from textdream.experiments.joint import JointSearch
from textdream.experiments.progress import Progress
from textdream.experiments.setting import Setting, free_positions, header, prepare
from textdream.experiments.vocabulary import PositionSearch
from textdream.model import Model
from textdream.objectives import Objective
from textdream.records import PairValue, PositionTokens, Sample, TokenSearchResult, TokenValue


class TokenSearch:
    """A search under way: iterate over it, and ask for the result once a position was searched.

    Stopping early (a break, an exception, Ctrl-C) loses at most the position, or the line of pairs, under way.

    Parameters
    ----------
    model
        From `textdream.load`.
    text
        The text in which tokens are replaced.
    target
        The objective, for example `neuron(4, 138)`.
    config
        Where and how.
    word, position
        Where the target is read, if it does not say so itself.

    Raises
    ------
    InputError
        If the text, the target or the positions do not fit the model.
    """

    def __init__(
        self,
        model: Model,
        text: str,
        target: Objective,
        config: TokenSearchConfig | None = None,
        *,
        word: str | None = None,
        position: int | None = None,
    ) -> None:
        self.model, self.config = model, config or TokenSearchConfig()
        self._begin = time.perf_counter()
        self.setting = setting = prepare(model, text, target, word=word, position=position)
        self.positions = change_positions(setting, self.config.change)
        if self.config.joint and len(self.positions) != 2:
            where = f"{len(self.positions)} position{'s' * (len(self.positions) != 1)}"
            raise InputError(f"--joint was given with {where}", "two", "give them, for example --change 3,8")
        self.finished = False
        self._searches: dict[int, PositionSearch] = {}
        self._found: dict[int, PositionTokens] = {}
        self._pairs: JointSearch | None = None
        self._evaluations = model.engine.evaluations
        self._start_value = 0.0

    def __iter__(self) -> Iterator[Progress]:
        """Search one position after the other, then the pairs; each step says how far it is."""
        names = self.model.tokens.names(self.setting.ids.tolist())
        self._start_value = float(self.model.engine.values(self.setting.ids[None], self.setting.objective)[0])
        for number, position in enumerate(self.positions):
            search = PositionSearch(self.model, self.setting.objective, self.setting.ids, position)
            size = len(search.tokens)
            for done in search:
                yield Progress("searching tokens", number * size + done, len(self.positions) * size)
            found = PositionTokens(
                position=position,
                token=names[position],
                tokens=_records(self.model, search.best(self.config.top)),
                worst=_records(self.model, search.worst(self.config.top)),
            )
            self._searches[position], self._found[position] = search, found
            best = found.tokens[0]
            news = f"{position:3d}  {names[position]} → {best.token}  {best.activation:.3f}"
            yield Progress("searching tokens", (number + 1) * size, len(self.positions) * size, news)
        if self.config.joint:
            first, second = self.positions
            singles = self._searches[first], self._searches[second]
            self._pairs = JointSearch(self.setting, (first, second), singles, self.config.beam, self.config.top)
            yield from self._pairs
        self.finished = True

    @property
    def found(self) -> bool:
        """Whether there is something to report."""
        return bool(self._found)

    def result(self) -> TokenSearchResult:
        """The record of what was searched; complete, or marked as interrupted.

        Raises
        ------
        InputError
            If no position was searched yet.
        """
        if not self._found:
            raise InputError("no position was searched", "at least one", "iterate over the search first")
        # Of equals the first: dicts are in the order of the text.
        best = max(self._found.values(), key=lambda found: found.tokens[0].activation)
        pairs = self._pair_records()
        return TokenSearchResult(
            **header(self.model, self.config, time.perf_counter() - self._begin),
            target=self.setting.objective.target(),
            start=self.model.sample(self.setting.ids, self._start_value),
            position=best.position,
            searched=len(self.model.tokens.allowed),
            tokens=best.tokens,
            worst=best.worst,
            best=self._best_text(best, pairs),
            positions=list(self.positions),
            map=list(self._found.values()) if len(self.positions) > 1 else None,
            pairs=pairs,
            pairs_searched=None if self._pairs is None else self._pairs.searched,
            certificate=None if self._pairs is None else self._pairs.certificate,
            evaluations=self.model.engine.evaluations - self._evaluations,
            interrupted=not self.finished,
        )

    def _pair_records(self) -> list[PairValue] | None:
        if self._pairs is None:
            return None
        return [
            PairValue(ids=list(pair), tokens=self.model.tokens.names(pair), activation=self._pairs.values[pair])
            for pair in self._pairs.best(self.config.top)
        ]

    def _best_text(self, best: PositionTokens, pairs: list[PairValue] | None) -> Sample:
        ids = self.setting.ids.clone()
        if pairs:
            ids[list(self.positions)] = torch.tensor(pairs[0].ids)
            return self.model.sample(ids, pairs[0].activation)
        ids[best.position] = best.tokens[0].id
        return self.model.sample(ids, best.tokens[0].activation)


def token_search(
    model: Model,
    text: str,
    target: Objective,
    config: TokenSearchConfig | None = None,
    *,
    word: str | None = None,
    position: int | None = None,
) -> TokenSearchResult:
    """Try every allowed token at one position, or at several, to the end. See `TokenSearch` for the parameters.

    All are screened in the search precision; those that could be among the `top` best or worst by the measured
    difference of the precisions are decided in float32.

    Raises
    ------
    InputError
        If the text, the target or the positions do not fit the model.
    """
    search = TokenSearch(model, text, target, config, word=word, position=position)
    for _ in search:
        pass
    return search.result()


def change_positions(setting: Setting, change: int | str | None) -> tuple[int, ...]:
    """The positions at which tokens are tried: given as one, as `free_positions` takes them, or the one that is read."""
    if isinstance(change, str):
        return free_positions(setting, change, "--change")
    return (change_position(setting, change),)


def change_position(setting: Setting, change: int | None) -> int:
    """The position at which tokens are tried: given, or the one that is read."""
    if change is None and setting.position in setting.objective.masked:
        raise InputError(
            f"position {setting.position} is masked, as what is predicted there is read",
            "another position, where tokens are tried",
            "give --change",
        )
    change = setting.position if change is None else change
    possible = setting.model.tokens.open_positions(setting.ids.tolist())
    if change is None:
        raise InputError("no position was given", "where tokens are tried", "give --position, --word or --change")
    if change not in possible:
        raise InputError(
            f"position {change} holds no ordinary token",
            f"one of {possible[0]} to {possible[-1]}",
            "see `textdream tokens`",
        )
    return change


def _records(model: Model, found: list[tuple[int, float]]) -> list[TokenValue]:
    names = model.tokens.names([token for token, _ in found])
    return [
        TokenValue(id=token, token=name, activation=value) for (token, value), name in zip(found, names, strict=True)
    ]
