"""Several starts of one search: each goes a little way, the better half goes on twice as far, until one is left.

Measured on 16 random neurons of minilm, whole sentence free, from the ten best sentences of a corpus, at the evaluations of
one gcg run: halving reaches 1.05 times what the run from the best sentence alone reaches (mean), ten equal parts 0.95 times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from textdream.optimizers import Step

# Steps of each start before the worse half is left.
FIRST = 2


def halved(searches: Sequence[Iterator[Step]], height: Callable[[int], float]) -> Iterator[Step]:
    """Steps of several searches by successive halving (Jamieson and Talwalkar 2016); the last one left runs to its end.

    Parameters
    ----------
    height
        The best value that a search has reached; higher is better.
    """
    alive, steps = list(range(len(searches))), FIRST
    # The first step of a search is its start.
    for search in searches if len(searches) > 1 else ():
        yield from islice(search, 1)
    while len(alive) > 1:
        for number in alive:
            yield from islice(searches[number], steps)
        alive = sorted(alive, key=height, reverse=True)[: len(alive) // 2]
        steps *= 2
    for number in alive:
        yield from searches[number]
