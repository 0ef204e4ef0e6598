"""Rows that a benchmark kept count for the corpus that they were measured with, and for no other."""

import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def quality(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "benchmarks")
    return SimpleNamespace(
        **{name: importlib.import_module(name) for name in ("quality", "quality_rows", "quality_report")}
    )


def paces(quality, corpus, wall):
    kind = quality.quality.processor()
    found = [
        quality.quality_rows.Pace(start, *where, corpus, 2, wall, wall / 2, kind)
        for start in ("corpus", "random")
        for where in quality.quality_rows.neurons()
    ]
    return {one.key: one for one in found}


def test_paces_of_another_corpus_are_not_counted_in(quality):
    bar = quality.quality_rows.Bar("resid_post", 0, 3, "ours", 9, 1.0, "a", "a", 1, 1.0)
    for corpus, count in (("ours", 60), ("theirs", 0)):
        rows = quality.quality_rows.Rows({("resid_post", 0, 3): bar}, {}, paces(quality, corpus, 4.0))
        assert [one["runs"] for one in quality.quality_report.clock(rows)] == ([count] * 2 if count else [])


def test_paces_of_another_corpus_are_measured_anew(quality):
    kept = paces(quality, "theirs", 4.0)
    asked = {}.__getitem__
    quality.quality.Bench.pace(SimpleNamespace(paces=kept, sha256="theirs", bar=asked))
    with pytest.raises(KeyError):
        quality.quality.Bench.pace(SimpleNamespace(paces=kept, sha256="ours", bar=asked))
