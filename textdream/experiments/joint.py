"""Two positions searched together: a beam over pairs, with a proof that neither token of the best can be bettered alone.

All pairs would be 9 · 10⁸ texts for BERT. A line of that square, one token held and every token tried at the other position,
is an exhaustive search of 3 · 10⁴. The beam searches the lines through the best single tokens, then those through the best
pairs met, until every line through its best pairs has been searched: then no single replacement betters any of them (1-opt).
A better pair may still exist where neither token leads alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from textdream.experiments.progress import Progress
from textdream.experiments.setting import Setting
from textdream.experiments.vocabulary import PositionSearch
from textdream.records import Certificate

Pair = tuple[int, int]
Line = tuple[int, int]
"""(which of the two positions is searched, the token held at the other)."""


class JointSearch:
    """A beam under way: iterate over it to search one line after the other.

    Parameters
    ----------
    setting
        The text and the objective.
    positions
        The two positions.
    singles
        For each of the two, (token id, value) of its best tokens with the start's token at the other, best first.
    beam
        How many of the best tokens and pairs are followed.
    top
        How many of the best pairs of each line are decided in float32.
    """

    def __init__(
        self,
        setting: Setting,
        positions: tuple[int, int],
        singles: tuple[PositionSearch, PositionSearch],
        beam: int,
        top: int,
    ) -> None:
        self.setting, self.positions, self.beam = setting, positions, beam
        self.top = max(top, beam)
        self.values: dict[Pair, float] = {}
        """Every pair that was decided in float32."""
        self.finished = False
        self._searched: dict[Line, PositionSearch] = {}
        self._singles = singles

    def __iter__(self) -> Iterator[Progress]:
        """Search the lines of the beam until all are searched."""
        leaders: list[Line] = []
        for which, single in enumerate(self._singles):
            best = self._keep((which, int(self.setting.ids[self.positions[1 - which]])), single)
            leaders += [(1 - which, token) for token, _ in best[: self.beam]]
        todo = self._unsearched(leaders)
        while todo:
            for number, line in enumerate(todo, start=1):
                yield from self._search(line, len(self._searched) + len(todo) - number + 1)
            todo = self._unsearched([line for pair in self.best(self.beam) for line in ((1, pair[0]), (0, pair[1]))])
        self.finished = True

    def _unsearched(self, lines: list[Line]) -> list[Line]:
        return [line for line in dict.fromkeys(lines) if line not in self._searched]

    def _search(self, line: Line, known: int) -> Iterator[Progress]:
        which, held = line
        ids = self.setting.ids.clone()
        ids[self.positions[1 - which]] = held
        search = PositionSearch(self.setting.model, self.setting.objective, ids, self.positions[which])
        size, before = len(search.tokens), self.best(1)
        for done in search:
            yield Progress("searching pairs", len(self._searched) * size + done, known * size)
        self._keep(line, search)
        news = None
        if (best := self.best(1)) != before:
            names = " + ".join(self.setting.model.tokens.names(best[0]))
            news = f"{names}  {self.values[best[0]]:.3f}"
        yield Progress("searching pairs", len(self._searched) * size, known * size, news)

    def _keep(self, line: Line, search: PositionSearch) -> list[tuple[int, float]]:
        which, held = line
        best = search.best(self.top)
        for token, value in best:
            # The same pair in another batch differs by float32's noise: the first value stays.
            self.values.setdefault((token, held) if which == 0 else (held, token), value)
        self._searched[line] = search
        return best

    def best(self, top: int) -> list[Pair]:
        """The best pairs so far, best first."""
        return sorted(self.values, key=lambda pair: -self.values[pair])[:top]

    @property
    def searched(self) -> int:
        """Pairs evaluated: those where two lines cross count twice."""
        return sum(len(line.scores) for line in self._searched.values())

    @property
    def certificate(self) -> Certificate | None:
        """Of the best pair, once the beam has come to rest."""
        if not self.finished:
            return None
        first, second = self.best(1)[0]
        lines = [self._searched[1, first], self._searched[0, second]]
        narrowest = min(lines, key=lambda line: line.screening.margin).screening
        bfloat16 = self.setting.model.engine.search_dtype == torch.bfloat16
        return Certificate(
            checked=sum(int((line.tokens != token).sum()) for line, token in zip(lines, (second, first), strict=True)),
            holds=True,
            screened="bfloat16" if bfloat16 else "float32",
            decided=sum(line.screening.decided for line in lines),
            screen_error=narrowest.error,
            margin=narrowest.margin,
            round_trip=False,
        )
