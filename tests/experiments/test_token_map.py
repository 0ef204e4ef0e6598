"""Maps over several positions, and two positions searched together, held to brute force on tiny models."""

import json

import jsonschema
import pytest
import torch

import textdream
from tests.experiments.planted import Planted, model_with
from tests.tiny import TEXT, plain, tiny, unpadded
from textdream.configs import TokenSearchConfig
from textdream.experiments.token_search import TokenSearch
from textdream.experiments.verify import verify
from textdream.records import json_schema


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def case(request):
    return tiny(request.param), request.param


@pytest.fixture(scope="module")
def encoder():
    return unpadded("bert_mlm")


def search(model, change, index=3, position=3, **options):
    config = TokenSearchConfig(change=change, **options)
    return textdream.token_search(model, TEXT, textdream.neuron(2, index), config, position=position)


def brute(model, name, rows, position=3, index=3):
    with torch.no_grad():
        return plain(model.hf, name, "resid_post", 2, input_ids=rows)[:, position, index]


def near(found):
    return pytest.approx(found, rel=1e-5, abs=1e-6)


# Maps.


def test_a_map_equals_brute_force_at_every_position(case):
    model, name = case
    result = search(model, "all", top=7)
    ids = torch.tensor(model.tokens.encode(TEXT))
    open_ = model.tokens.open_positions(ids.tolist())
    assert result.positions == open_
    assert [column.position for column in result.map] == open_
    allowed = model.tokens.allowed
    for column in result.map:
        rows = ids.repeat(len(allowed), 1)
        rows[:, column.position] = allowed
        values = brute(model, name, rows)
        assert column.token == model.tokens.names([int(ids[column.position])])[0]
        assert [token.activation for token in column.tokens] == near(values.sort(descending=True).values[:7].tolist())
        assert [token.activation for token in column.worst] == near(values.sort().values[:7].tolist())
        by_id = dict(zip(allowed.tolist(), values.tolist(), strict=True))
        for token in [*column.tokens, *column.worst]:
            assert token.activation == near(by_id[token.id])
    highest = max(result.map, key=lambda column: column.tokens[0].activation)
    assert (result.position, result.tokens, result.worst) == (highest.position, highest.tokens, highest.worst)
    assert result.best.ids[result.position] == result.tokens[0].id
    assert result.best.activation == result.tokens[0].activation
    assert not result.interrupted


@pytest.mark.parametrize(
    ("change", "positions"),
    [("2:5", [2, 3, 4]), ("7,2,2", [2, 7]), ("4", [4]), (4, [4]), (None, [3]), ("word", [3]), ("2:3", [2])],
)
def test_positions_are_given_as_those_of_a_dream(bert, change, positions):
    result = search(bert, change, top=3)
    assert result.positions == positions
    assert (result.map is None) is (len(positions) == 1)
    if len(positions) == 1:
        assert result.position == positions[0]
        assert result.pairs is None


def test_a_word_of_two_tokens_gives_a_map(bert):
    config = TokenSearchConfig(change="word", top=3)
    result = textdream.token_search(bert, TEXT, textdream.neuron(2, 3), config, word="cats")
    assert result.positions == [2, 3]
    assert [column.token for column in result.map] == ["cat", "##s"]


@pytest.mark.parametrize(
    ("change", "match"),
    [("0", "special"), ("0:3", "special"), ("13", "special"), ("40", "14 tokens"), ("", "was given"), ("a,b", "range"),
     ("5:5", "no position"), ("-1", "range")],
)  # fmt: skip
def test_other_positions_are_refused_by_the_name_of_the_flag(bert, change, match):
    with pytest.raises(textdream.InputError, match=match) as raised:
        search(bert, change)
    assert "--change" in str(raised.value)
    assert "--free" not in str(raised.value)


def test_a_stopped_map_has_what_was_searched(bert):
    config = TokenSearchConfig(change="all", top=3)
    run = TokenSearch(bert, TEXT, textdream.neuron(2, 3), config, position=3)
    assert not run.found
    with pytest.raises(textdream.InputError, match="no position"):
        run.result()
    seen = []
    for step in run:
        seen.append(step)
        if len(seen) == 6:
            break
    result = run.result()
    assert result.interrupted
    assert [column.position for column in result.map] == [1, 2, 3]
    whole = search(bert, "all", top=3)
    assert result.map == whole.map[:3]


def test_progress_counts_the_candidates(bert):
    run = TokenSearch(bert, TEXT, textdream.neuron(2, 3), TokenSearchConfig(change="2:5"), position=3)
    steps = list(run)
    count = len(bert.tokens.allowed)
    assert {step.total for step in steps} == {3 * count}
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == 3 * count
    assert [step.news.split()[0] for step in steps if step.news] == ["2", "3", "4"]


def test_parts_give_what_the_whole_gives(bert, monkeypatch):
    whole = search(bert, 4, top=10)
    monkeypatch.setattr("textdream.experiments.vocabulary.BATCHES", 1)
    monkeypatch.setattr(bert.engine, "batch_tokens", 14 * 10)
    parts = search(bert, 4, top=10)
    assert [token.id for token in parts.tokens] == [token.id for token in whole.tokens]
    assert [token.activation for token in parts.tokens] == near([token.activation for token in whole.tokens])


# Pairs.


def all_pairs(model, name, first, second, index=3):
    """Values of every pair, [allowed, allowed]."""
    ids, allowed = torch.tensor(model.tokens.encode(TEXT)), model.tokens.allowed
    rows = ids.repeat(len(allowed) ** 2, 1)
    rows[:, first] = allowed.repeat_interleave(len(allowed))
    rows[:, second] = allowed.repeat(len(allowed))
    return brute(model, name, rows, index=index).view(len(allowed), -1)


def test_the_whole_vocabulary_as_beam_is_brute_force(case):
    model, name = case
    values = all_pairs(model, name, 3, 6)
    result = search(model, "3,6", joint=True, beam=len(values), top=12)
    order = values.flatten().sort(descending=True).values[:12].tolist()
    assert [pair.activation for pair in result.pairs] == near(order)
    allowed = model.tokens.allowed.tolist()
    for pair in result.pairs:
        assert pair.activation == near(float(values[allowed.index(pair.ids[0]), allowed.index(pair.ids[1])]))
        assert pair.tokens == model.tokens.names(pair.ids)


def test_the_beam_finds_the_best_pair_or_one_that_no_single_token_betters(case):
    model, name = case
    allowed = model.tokens.allowed.tolist()
    found = 0
    for index in range(8):
        values = all_pairs(model, name, 2, 5, index)
        result = search(model, "2,5", index=index, joint=True)
        best = result.pairs[0]
        row, column = allowed.index(best.ids[0]), allowed.index(best.ids[1])
        assert best.activation == near(float(values[row, column]))
        assert best.activation == near(float(values[row].max()))
        assert best.activation == near(float(values[:, column].max()))
        assert best.activation >= result.tokens[0].activation - 1e-6
        found += best.activation == near(float(values.max()))
        certificate = result.certificate
        assert certificate.holds
        assert certificate.checked == 2 * (len(allowed) - 1)
        assert (result.best.ids[2], result.best.ids[5]) == tuple(best.ids)
        assert result.best.activation == best.activation
        assert result.pairs_searched < values.numel()
    assert found >= 6


def test_a_pair_that_neither_token_announces_is_missed_and_the_certificate_does_not_say_otherwise():
    model = model_with()
    a, b = model.tokens.allowed[10].item(), model.tokens.allowed[50].item()

    def score(x, y):
        height = torch.linspace(0, 1, 96).to(x)
        return (x * height).sum(-1) + (y * height).sum(-1) + 5 * x[:, a] * y[:, b]

    target = Planted(model, score, 3, 6)
    best = [textdream.token_search(model, TEXT, target, TokenSearchConfig(change="3,6", joint=True, beam=beam))
            for beam in (2, len(model.tokens.allowed))]  # fmt: skip
    assert best[1].pairs[0].ids == [a, b]
    assert best[0].pairs[0].ids != [a, b]
    assert best[0].certificate.holds
    assert best[0].certificate.opt == 1


def test_rough_screening_changes_no_pair(bert, monkeypatch):
    exact = search(bert, "3,6", joint=True, top=5)
    values, generator = bert.engine.values, torch.Generator().manual_seed(0)
    monkeypatch.setattr(
        bert.engine,
        "search_values",
        lambda ids, objective: values(ids, objective) + 0.02 * (torch.rand(len(ids), generator=generator) - 0.5),
    )
    rough = search(bert, "3,6", joint=True, top=5)
    assert [pair.ids for pair in rough.pairs] == [pair.ids for pair in exact.pairs]
    assert 0 < rough.certificate.screen_error <= 0.011


@pytest.mark.parametrize("change", [None, 3, "3", "2,3,4", "all"])
def test_joint_needs_two_positions(bert, change):
    with pytest.raises(textdream.InputError, match="--change 3,8"):
        search(bert, change, joint=True)


def test_a_stopped_beam_has_its_pairs_and_no_certificate(bert):
    config = TokenSearchConfig(change="3,6", joint=True, top=5)
    run = TokenSearch(bert, TEXT, textdream.neuron(2, 3), config, position=3)
    lines = 0
    for step in run:
        lines += step.phase == "searching pairs"
        if lines == 5:
            break
    result = run.result()
    assert result.interrupted
    assert result.pairs
    assert result.certificate is None
    assert result.best.activation == result.pairs[0].activation
    assert len(result.map) == 2


@pytest.mark.parametrize("options", [{"beam": 0}, {"top": 0}])
def test_limits(options):
    with pytest.raises(textdream.InputError):
        TokenSearchConfig(**options)


# The file.


@pytest.fixture(scope="module", params=[{"change": "2:6"}, {"change": "3,6", "joint": True}], ids=["map", "pairs"])
def honest(request, encoder):
    return search(encoder, request.param["change"], joint=request.param.get("joint", False), top=4)


def checked(data, model, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return verify(path, model)


def test_honest_maps_and_pairs_hold(honest, encoder, tmp_path):
    jsonschema.validate(json.loads(honest.to_json()), json_schema())
    report = checked(honest.to_json(), encoder, tmp_path)
    assert report.holds, report.mismatches
    assert report.checked == 2 + 8 + 8 * len(honest.map) + len(honest.pairs or [])
    assert (report.replacements > 0) is (honest.certificate is not None)


@pytest.mark.parametrize("key", ["activation", "token", "id"])
def test_a_changed_entry_of_a_map_is_found(honest, encoder, tmp_path, key):
    data = json.loads(honest.to_json())
    column = data["map"][1]
    column["worst"][2][key] = column["worst"][2][key] + 0.01 if key == "activation" else column["worst"][0][key]
    report = checked(data, encoder, tmp_path)
    assert report.mismatches[0].where.startswith(f"map.{column['position']}.worst.2")


@pytest.mark.parametrize("key", ["activation", "tokens", "ids"])
def test_a_changed_pair_is_found(encoder, tmp_path, key):
    data = json.loads(search(encoder, "3,6", joint=True, top=4).to_json())
    pair = data["pairs"][2]
    pair[key] = pair[key] - 0.01 if key == "activation" else [pair[key][0], data["pairs"][0][key][0]]
    report = checked(data, encoder, tmp_path)
    assert report.mismatches[0].where.startswith("pairs.2")


def test_a_certificate_for_a_lesser_pair_is_found(encoder, tmp_path):
    honest = search(encoder, "3,6", joint=True, top=4)
    data = json.loads(honest.to_json())
    data["best"] = data["start"]
    assert "certificate" in {found.where for found in checked(data, encoder, tmp_path).mismatches}


def test_positions_that_do_not_fit_the_pairs_are_one_sentence(encoder, tmp_path):
    data = json.loads(search(encoder, "3,6", joint=True, top=4).to_json())
    data["positions"] = [3, 6, 7]
    data["certificate"] = None
    with pytest.raises(textdream.ResultError):
        checked(data, encoder, tmp_path)
