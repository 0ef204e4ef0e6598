"""From the rows of benchmarks/quality.py to its tables, and what they say of PAIR's conclusion."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from quality_rows import FEW, LIMITS, METHODS, NEURONS, SEEDS, Bar, Neuron, Rows, Run

from textdream.optimizers.screening import noise


def table(rows: Rows) -> list[dict[str, Any]]:
    """One row for each freedom, start and method."""
    bars, runs = rows.bars, rows.runs
    if len({bar.corpus for bar in bars.values()}) > 1:
        raise SystemExit("the bars are of several corpora: begin with an empty quality-runs.jsonl")
    corpora = {bar.corpus for bar in bars.values()}
    runs = {key: one for key, one in runs.items() if one.corpus in corpora}
    made = []
    for free in ("all", "word"):
        for start in ("corpus", "random"):
            for method in (*METHODS, "truth"):
                mine = [one for one in runs.values() if (one.method, one.free, one.start) == (method, free, start)]
                if mine:
                    made.append({"free": free, "start": start, "method": method, **figures(mine, bars, runs)})
    return made


def clock(rows: Rows) -> list[dict[str, Any]]:
    """What gcg takes by the clock on all cores, for each start and processor."""
    # Until when the corpus is beaten depends on its bars: paces of another are not counted in.
    corpora = {bar.corpus for bar in rows.bars.values()}
    paces = [one for one in rows.paces.values() if one.corpus in corpora]
    kinds = dict.fromkeys((one.start, one.processor, one.threads) for one in paces)
    made = []
    for kind in kinds:
        mine = [one for one in paces if (one.start, one.processor, one.threads) == kind]
        wall = sorted(one.wall for one in mine)
        made.append(
            {
                "start": kind[0], "processor": kind[1], "threads": kind[2], "runs": len(mine),
                "median_seconds": statistics.median(wall), "p90_seconds": wall[round(0.9 * (len(wall) - 1))],
                "median_seconds_to_beat": middle([one.passed for one in mine]),
            }
        )  # fmt: skip
    return made


def figures(mine: list[Run], bars: dict[Neuron, Bar], runs: dict[tuple[Any, ...], Run]) -> dict[str, Any]:
    """What the runs of one kind say."""
    bar = [bars[one.site, one.layer, one.neuron].best for one in mine]
    ratios = [one.best / height for one, height in zip(mine, bar, strict=True) if height > 0]
    true = [(one, runs[one.truth].best) for one in mine if one.truth in runs]
    seconds = sorted(one.seconds for one in mine)
    return {
        "runs": len(mine),
        "neurons": len({one.key[3:6] for one in mine}),
        "seeds": sorted({one.seed for one in mine}),
        "beats_corpus": share([one.best > height + noise(height) for one, height in zip(mine, bar, strict=True)]),
        "last_step_beats_corpus": share(
            [one.final > height + noise(height) for one, height in zip(mine, bar, strict=True)]
        ),
        **{
            f"beats_corpus_in_{moment:.0f}_s": share(
                [one.best_at(moment) > height + noise(height) for one, height in zip(mine, bar, strict=True)]
            )
            for moment in (5.0, 10.0)
        },
        "median_ratio": statistics.median(ratios) if ratios else None,
        "finds_best_token": share([one.best >= best - noise(best) for one, best in true]) if true else None,
        "best_token_known": len(true),
        "median_seconds_to_beat": middle([one.passed for one in mine]),
        "median_seconds": statistics.median(seconds),
        "p90_seconds": seconds[round(0.9 * (len(seconds) - 1))],
        "median_evaluations": statistics.median(one.evaluations for one in mine),
        "certified": share([one.certified for one in mine]),
        "ended": share([one.ended for one in mine]),
        "limit_seconds": LIMITS.get(mine[0].method),
        "processors": sorted({one.processor for one in mine}),
    }


def middle(seconds: Sequence[float | None]) -> float | None:
    """The median where None stands for never."""
    found = statistics.median_high(float("inf") if one is None else one for one in seconds)
    return None if found == float("inf") else found


def share(flags: Sequence[bool]) -> float:
    """How many of them hold."""
    return sum(flags) / len(flags)


def markdown(rows: list[dict[str, Any]], paces: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """The same to read."""
    heads = ("method", "runs (neurons)", "beats the corpus", "in 5 s", "in 10 s", "median s to beat it",
             "its last step does", "median ratio", "best token found",
             "seconds, median", "90 %", "evaluations", "certified", "ended")  # fmt: skip
    lines = [
        "# Dreams against the best sentence of a corpus",
        "",
        f"{about['sentences']:,} sentences; minilm; {NEURONS} random neurons; seeds {', '.join(map(str, SEEDS))}. "
        "Made by `benchmarks/quality.py`, whose head says how to read it. Seconds are processor seconds of one thread.",
    ]
    names = {"all": "The whole sentence is free", "word": "One word is free"}
    starts = {"corpus": "from the best corpus sentence", "random": "from random tokens"}
    for free, title in names.items():
        for start, begin in starts.items():
            mine = [row for row in rows if (row["free"], row["start"]) == (free, start)]
            if mine:
                lines += ["", f"## {title}, {begin}", "", "| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
                lines += [_line(row) for row in mine]
    if paces:
        lines += ["", "## gcg by the clock, the whole sentence free", ""]
    lines += [
        f"- {starts[one['start']].capitalize()}, {one['threads']} threads ({one['processor']}), {one['runs']} neurons: median "
        f"{one['median_seconds']:.1f} s to its end, 90 % within {one['p90_seconds']:.1f} s; past the corpus after a median of "
        f"{one['median_seconds_to_beat']:.2f} s."
        for one in paces
    ]
    return "\n".join(lines + conclusion(rows)) + "\n"


def conclusion(rows: list[dict[str, Any]]) -> list[str]:
    """What follows about PAIR's conclusion: each method that has runs, with their number."""
    by_kind = {(row["free"], row["start"], row["method"]): row for row in rows}
    names = {"pair": "the best real text that PAIR's annealing passes", "anneal": "its repaired form", "hotflip": "hotflip",
             "gcg": "gcg", "sweep": "sweep"}  # fmt: skip

    def shares(free: str, start: str, what: str, who: dict[str, str]) -> str:
        found = {name: by_kind.get((free, start, method)) for method, name in who.items()}
        said = [
            f"{name} {100 * row[what]:.0f} % of {row['best_token_known' if what == 'finds_best_token' else 'runs']}"
            for name, row in found.items()
            if row is not None and row[what] is not None
        ]
        return ", ".join(said)

    lines = ["", "## What follows about PAIR's conclusion", ""]
    lines.append(
        "PAIR reported the last step of its annealing, found that it seldom reaches the best sentences of a corpus, and could "
        "not tell whether dreaming with text fails or its search does."
    )
    lines.append("")
    for start, begin in (("corpus", "from the best corpus sentence"), ("random", "from random tokens")):
        last = shares("all", start, "last_step_beats_corpus", {"pair": "the last step of PAIR's annealing"})
        others = shares("all", start, "beats_corpus", names)
        lines.append(
            f"- Whole sentence free, {begin}, the corpus is beaten by: {', '.join(filter(None, (last, others)))}."
        )
    truth = by_kind.get(("word", "corpus", "truth"))
    if truth is not None:
        lines.append(
            f"- One word free: the best of all tokens in the best sentence beats it in {100 * truth['beats_corpus']:.0f} % of "
            f"{truth['runs']}, and that is the most that any search can do: one word is no fair test of dreaming. That token is "
            f"found by: {shares('word', 'corpus', 'finds_best_token', names)}; from random tokens by: "
            f"{shares('word', 'random', 'finds_best_token', names)}."
        )
    gcg, pair = by_kind.get(("all", "corpus", "gcg")), by_kind.get(("all", "corpus", "pair"))
    if gcg is not None and pair is not None:
        lines += ["", verdict(gcg["beats_corpus"], pair["last_step_beats_corpus"], pair["runs"])]
    return lines


def verdict(gcg: float, pair: float, runs: int) -> str:
    """What the two shares say together, `runs` of them PAIR's."""
    if runs < FEW:
        return (
            f"Texts that excite a neuron more than any sentence of a corpus are there and can be found. Of PAIR's annealing only "
            f"{runs} runs are done: too few to say how often it fails here (success.json holds it against gcg, neuron by neuron)."
        )
    if gcg >= 0.9 and pair <= 0.5:
        return (
            "Texts that excite a neuron more than any sentence of the corpus are there, within reach of the same gradients: it "
            "was the search that failed, and not dreaming with text."
        )
    if gcg < 0.9:
        return "The best search here does not reach the corpus reliably either: these figures do not clear dreaming with text."
    return "PAIR's annealing does well here too: these figures do not show the failure that PAIR met."


def _line(row: dict[str, Any]) -> str:
    def percent(value: float | None) -> str:
        return "" if value is None else f"{100 * value:.1f} %"

    cells = [
        row["method"],
        f"{row['runs']} ({row['neurons']})",
        percent(row["beats_corpus"]),
        percent(row["beats_corpus_in_5_s"]),
        percent(row["beats_corpus_in_10_s"]),
        "" if row["median_seconds_to_beat"] is None else f"{row['median_seconds_to_beat']:.1f}",
        percent(row["last_step_beats_corpus"]),
        "" if row["median_ratio"] is None else f"{row['median_ratio']:.2f}",
        percent(row["finds_best_token"]),
        f"{row['median_seconds']:.1f}",
        f"{row['p90_seconds']:.1f}",
        f"{row['median_evaluations']:,.0f}",
        percent(row["certified"]),
        percent(row["ended"]),
    ]
    return "| " + " | ".join(cells) + " |"
