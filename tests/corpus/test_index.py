"""The index against a plain loop over the corpus."""

import itertools
import json
import random
import shutil
from contextlib import contextmanager

import duckdb
import numpy as np
import pytest
import torch

from tests.tiny import WORDS, plain, tiny
from textdream.configs import CorpusConfig
from textdream.corpus.build import building, index_corpus
from textdream.corpus.index import Index
from textdream.errors import CorpusError
from textdream.model import Read

TOP = 5


def sentences(count=60):
    draw = random.Random(3)
    words = [word for word in WORDS if word.isalpha()]
    return list(dict.fromkeys(" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(count)))


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(
    scope="module", params=[("bert", 1), ("gpt2", 1), ("bert", 3), ("gpt2", 3)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def indexed(request, tmp_path_factory):
    """In float32, so that figures can be held to a plain loop's; with several threads, in many batches."""
    name, count = request.param
    model, folder = tiny(name), tmp_path_factory.mktemp("corpus")
    lines = sentences()
    file = write(folder / "a.txt", [*lines, "", *lines[:7]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textdream.model.engine.search_dtype", lambda device: torch.float32)
        if count > 1:
            patch.setattr("textdream.corpus.scan.BLOCK", 16)
            patch.setattr("textdream.corpus.scan.TOKENS", 40)
        with threads(count):
            index = index_corpus(model, [file], folder / "index", CorpusConfig(top=TOP))
            assert torch.get_num_threads() == count
    assert index.manifest.precision == "float32"
    return name, model, lines, index


def activations(name, model, lines, site, layer):
    """For each sentence (positions, values [ordinary tokens, neurons]) by a plain forward pass."""
    rows = []
    for line in lines:
        ids = model.tokens.encode(line)
        with torch.no_grad():
            value = plain(model.hf, name, site, layer, input_ids=torch.tensor([ids]))[0]
        positions = model.tokens.open_positions(ids)
        rows.append((positions, value[positions].double().numpy()))
    return rows


def close(values):
    """Equal up to float32's sums in another order."""
    return pytest.approx(values, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(("site", "layer"), [("resid_post", 0), ("resid_post", 2), ("mlp_post", 1)])
def test_statistics_equal_a_plain_loop(indexed, site, layer):
    name, model, lines, index = indexed
    found = index.statistics()[site, layer]
    values = np.concatenate([rows for _, rows in activations(name, model, lines, site, layer)])
    assert found.count == len(values)
    assert found.mean.tolist() == close(values.mean(0).tolist())
    assert found.variance.tolist() == close(values.var(0).tolist())
    assert found.minimum.tolist() == close(values.min(0).tolist())
    assert found.maximum.tolist() == close(values.max(0).tolist())
    assert int(found.top_count.sum()) == len(values)
    # The corpus is smaller than the sample: all tokens are in it.
    assert set(found.histogram.sum(1).tolist()) == {len(values)}
    assert found.quantiles[:, 5].tolist() == close(np.median(values, 0).tolist())


@pytest.mark.parametrize("neuron", [0, 7])
@pytest.mark.parametrize(("site", "layer"), [("resid_post", 1), ("mlp_post", 2)])
def test_extremes_equal_a_plain_loop(indexed, site, layer, neuron):
    name, model, lines, index = indexed
    card = index.card(site, layer, neuron)
    rows = activations(name, model, lines, site, layer)
    best = [max(zip(values[:, neuron], positions, strict=True)) for positions, values in rows]
    worst = [min(zip(values[:, neuron], positions, strict=True)) for positions, values in rows]
    assert [one.value for one in card.most] == close(sorted((v for v, _ in best), reverse=True)[:TOP])
    assert [one.value for one in card.least] == close(sorted(v for v, _ in worst)[:TOP])
    for one in (*card.most, *card.least, *(each for band in card.bands for each in band)):
        positions, values = rows[one.sentence]
        assert one.text == lines[one.sentence]
        assert one.value == close(values[positions.index(one.position), neuron])


def test_bands_are_tenths_in_order(indexed):
    name, model, lines, index = indexed
    card = index.card("resid_post", 2, 3)
    ends = [(min(one.value for one in band), max(one.value for one in band)) for band in card.bands]
    assert all(low >= high for (_, high), (low, _) in itertools.pairwise(ends))
    values = np.concatenate([rows[:, 3] for _, rows in activations(name, model, lines, "resid_post", 2)])
    for number, band in enumerate(card.bands):
        for one in band:
            assert (values < one.value - 1e-5).mean() <= (number + 1) / 10
            assert (values <= one.value + 1e-5).mean() >= number / 10


def test_random_directions_are_scanned_as_neurons_are(indexed):
    name, model, lines, index = indexed
    vector = np.array(index.direction("resid_post", 1, 2))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    values = np.concatenate([rows @ vector for _, rows in activations(name, model, lines, "resid_post", 1)])
    card = index.card("resid_post", 1, 2, kind="random")
    assert (card.mean, card.maximum) == close((values.mean(), values.max()))


def test_repeated_sentences_count_once(indexed):
    *_, lines, index = indexed
    assert (index.manifest.corpus.sentences, index.manifest.corpus.duplicates) == (len(lines), 7)


@pytest.mark.parametrize(("count", "stops"), [(1, (2, 5, 9)), (3, (1, 2, 4))])
def test_a_killed_index_goes_on_to_the_same_bytes(tmp_path, monkeypatch, count, stops):
    """What lies on the disk in the middle of a scan is all that a killed process leaves."""
    monkeypatch.setattr("textdream.corpus.scan.BLOCK", 16)
    monkeypatch.setattr("textdream.corpus.scan.TOKENS", 40)
    monkeypatch.setattr("textdream.corpus.build.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    model = tiny("bert")
    file = write(tmp_path / "a.txt", sentences())
    whole = tmp_path / "whole"
    index_corpus(model, [file], whole)
    with threads(count):
        killed_and_gone_on(model, file, tmp_path, whole, stops)


def killed_and_gone_on(model, file, tmp_path, whole, stops):
    for stop in stops:
        running, killed = tmp_path / f"running{stop}", tmp_path / f"killed{stop}"
        run = building(model, [file], running, CorpusConfig())
        scanned = [step.done for step in itertools.islice((s for s in run if s.stage == "scanning"), stop + 1)]
        assert scanned[-1] > 0
        shutil.copytree(running, killed)
        run.close()
        again = [step for step in building(model, [file], killed, CorpusConfig()) if step.stage == "scanning"]
        assert again[0].done == scanned[-1]
        assert again[0].done < again[-1].done
        assert {path.name for path in killed.iterdir()} == {path.name for path in whole.iterdir()}
        for path in sorted(whole.iterdir()):
            assert path.read_bytes() == (killed / path.name).read_bytes(), path.name


def test_what_an_older_version_began_is_begun_anew_when_that_is_asked(tmp_path, bert, monkeypatch):
    monkeypatch.setattr("textdream.corpus.scan.TOKENS", 40)
    monkeypatch.setattr("textdream.corpus.build.SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    file = write(tmp_path / "a.txt", sentences())
    run = building(bert, [file], tmp_path / "index", CorpusConfig())
    for _ in itertools.islice((step for step in run if step.stage == "scanning"), 3):
        pass
    run.close()
    (begun,) = tmp_path.rglob("begun.json")
    data = json.loads(begun.read_text())
    data["settings"].pop("checkpoint")
    begun.write_text(json.dumps(data))
    with pytest.raises(CorpusError, match=r"other settings \(checkpoint\).*--force"):
        index_corpus(bert, [file], tmp_path / "index")
    assert index_corpus(bert, [file], tmp_path / "index", CorpusConfig(), force=True).manifest.corpus.sentences > 0


def test_one_process_at_a_time(tmp_path, bert):
    file = write(tmp_path / "a.txt", sentences())
    first = building(bert, [file], tmp_path / "index", CorpusConfig())
    next(first)
    with pytest.raises(CorpusError, match="another process is indexing"):
        index_corpus(bert, [file], tmp_path / "index")
    for _ in first:
        pass
    assert Index.open(tmp_path / "index").manifest.corpus.sentences


def test_gradients_stay_on_for_the_caller_while_sites_come_by(bert):
    ids = torch.tensor([bert.tokens.encode("the cat sat")])
    for _ in bert.engine.sites([ids], [Read("resid_post", 1), Read("mlp_post", 2)]):
        assert torch.is_grad_enabled()


def test_the_index_of_another_model_is_refused(indexed):
    *_, index = indexed
    with pytest.raises(CorpusError, match="is an index of"):
        Index.open(index.folder, tiny("bert", seed=9).info)


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        (("resid_post", 0, 10_000), "neuron 10000 is not in"),
        (("resid_post", 99, 0), "layer 99"),
        (("attn_out", 0, 0), "attn_out is not in"),
    ],
)
def test_what_is_not_in_the_index_is_refused(indexed, unit, says):
    *_, index = indexed
    with pytest.raises(CorpusError, match=says):
        index.card(*unit)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", b"\n \n", "the corpus is empty"),
        ("binary.txt", b"a\0b\n", "binary"),
        ("latin.txt", b"caf\xe9 au lait\n", "not UTF-8"),
        ("none.jsonl", b'{"body": "the cat"}\n', "no field 'text'"),
        ("broken.jsonl", b"{\n", "no JSON object"),
        ("fake.parquet", b"not parquet", "cannot be read"),
    ],
)
def test_files_that_are_no_corpus_are_refused(tmp_path, bert, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=says):
        index_corpus(bert, [str(tmp_path / name)], tmp_path / "index")
    assert not (tmp_path / "index" / "manifest.json").exists()


def test_folders_that_are_no_index_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="is no index"):
        Index.open(tmp_path)


@pytest.mark.parametrize("name", ["layer=1", "text=x", "site=mlp_post,neuron=3", "idx[1]", "idx*", "it's", "[!a]*"])
def test_the_name_of_a_folder_says_nothing_of_its_rows(tmp_path, bert, name):
    """DuckDB would read `layer=1` as the value of a column, and `*` as a pattern."""
    file = write(tmp_path / "a.txt", sentences())
    plain = index_corpus(bert, [file], tmp_path / "plain")
    (tmp_path / name).mkdir()
    odd = index_corpus(bert, [file], tmp_path / name / "index")
    for site, layer, kind in (("resid_post", 0, "neuron"), ("mlp_post", 2, "neuron"), ("resid_post", 2, "random")):
        assert odd.card(site, layer, 2, kind) == plain.card(site, layer, 2, kind)
    assert odd.most("resid_post", 2, [1, 3]) == plain.most("resid_post", 2, [1, 3])
    for place, found in plain.statistics().items():
        assert np.array_equal(odd.statistics()[place].quantiles, found.quantiles)
    assert odd.manifest.corpus.sha256 == plain.manifest.corpus.sha256


@pytest.mark.parametrize("name", ["text=x", "part[1]", "part*", "part?"])
def test_the_name_of_a_parquet_file_is_no_pattern(tmp_path, bert, name):
    (tmp_path / name).mkdir()
    paths = [tmp_path / name / f"{name}.parquet", tmp_path / name / "part1.parquet"]
    for path, text in zip(paths, ("the old cat", "the red mat"), strict=True):
        duckdb.execute(f"COPY (SELECT '{text}' AS text) TO '{path}' (FORMAT parquet)")
    found = index_corpus(bert, [str(paths[0])], tmp_path / "index")
    assert (found.texts([0]), found.manifest.corpus.sentences) == (["the old cat"], 1)


@pytest.mark.parametrize("name", ["idx?x", "a\\b"])
def test_names_that_a_database_cannot_have_are_refused(tmp_path, bert, name):
    file = write(tmp_path / "a.txt", sentences())
    with pytest.raises(CorpusError, match=r"in its name.*give another --out"):
        index_corpus(bert, [file], tmp_path / name)
    assert not (tmp_path / name).exists()


MIB = 1 << 20


@pytest.mark.parametrize("before", ["", "the cat sat"])
def test_white_space_does_not_make_a_line_long(tmp_path, bert, before):
    file = write(tmp_path / "a.txt", [f"{before}{' ' * MIB}and he ran", "a red mat"])
    found = index_corpus(bert, [file], tmp_path / "index")
    assert found.texts([0, 1]) == [f"{before} and he ran".strip(), "a red mat"]
    assert found.manifest.corpus.skipped.long == 0


def test_the_beginning_of_a_longer_line_is_no_sentence(tmp_path, bert):
    """However short it is for the tokenizer: here a megabyte of marks that it drops."""
    file = write(tmp_path / "a.txt", ["the cat sat " + "\u200b" * (3 * MIB) + " and he ran", "a red mat"])
    assert len(bert.tokens.encode("the cat sat " + "\u200b" * 10)) == len(bert.tokens.encode("the cat sat"))
    found = index_corpus(bert, [file], tmp_path / "index").manifest.corpus
    assert (found.sentences, found.skipped.long) == (1, 1)


@pytest.mark.parametrize("split", ["sentences", "lines"])
def test_a_long_record_is_read_whole(tmp_path, bert, split):
    book = "The cat sat. " * (MIB // 10) + "A dog ran."
    file = write(tmp_path / "a.jsonl", [json.dumps({"text": book}), json.dumps({"text": "the red mat"})])
    found = index_corpus(bert, [file], tmp_path / "index", CorpusConfig(split=split))
    if split == "sentences":
        assert found.texts([0, 1, 2]) == ["The cat sat.", "A dog ran.", "the red mat"]
    else:
        assert (found.texts([0]), found.manifest.corpus.skipped.long) == (["the red mat"], 1)


def test_a_record_that_memory_must_not_hold_is_refused(tmp_path, bert, monkeypatch):
    monkeypatch.setattr("textdream.corpus.readers.RECORD", 2 * MIB)
    file = write(tmp_path / "a.jsonl", [json.dumps({"text": "the cat"}), json.dumps({"text": "the " * MIB})])
    with pytest.raises(CorpusError, match=r"line 2 of a.jsonl is longer than 2,097,152 characters"):
        index_corpus(bert, [file], tmp_path / "index")


def test_a_very_long_line_is_counted_not_lost_silently(tmp_path, bert):
    file = write(tmp_path / "a.txt", ["the cat sat", "the " * 25_000])
    manifest = index_corpus(bert, [file], tmp_path / "index").manifest
    assert manifest.corpus.sentences == 1
    assert manifest.corpus.skipped.long == 1
