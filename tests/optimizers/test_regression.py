"""One free position: tokens ranked by a regression over those tried."""

import copy

import pytest
import torch

import textdream
from tests.experiments.planted import POSITION, WIDTH, Planted, model_with
from tests.optimizers.common import problem_for
from tests.tiny import TEXT, tiny_hf, tokenizer_of
from textdream.configs import GcgConfig
from textdream.optimizers import Problem, gcg, regression
from textdream.optimizers.problem import replaced
from textdream.optimizers.regression import predictions


@pytest.mark.parametrize("seed", range(8))
def test_the_best_token_is_found(seed, monkeypatch):
    """A value that is linear in embeddings of four dimensions is known after a few tokens; its slope is planted to mislead."""
    monkeypatch.setattr(regression, "FIRST", 12)
    monkeypatch.setattr(regression, "ROUND", 4)
    draw = torch.Generator().manual_seed(seed)
    basis, weights = torch.randn(4, WIDTH, generator=draw), torch.randn(4, generator=draw)
    codes: list[torch.Tensor] = []

    def table(count):
        codes.append(torch.randn(count, 4, generator=draw))
        return codes[0] @ basis

    model = model_with(table)
    start = torch.tensor(model.tokens.encode(TEXT))
    reader = torch.linalg.pinv(basis) @ weights

    def score(x):
        here = x @ reader.to(x)
        # Going up at once from where it stands leads nowhere: the value without its gradient.
        return here.detach() - 0 * here if x.requires_grad else here

    problem = Problem(model, Planted(model, score), start, (POSITION,), round_trip=False)
    problem.generator.manual_seed(seed)
    steps = list(gcg(problem, GcgConfig(candidates=4, topk=4, steps=50)))
    allowed = model.tokens.allowed
    best = allowed[(codes[0] @ weights)[allowed].argmax()]
    assert problem.best[0][POSITION] == best
    rounds = sum(step.note == "regression" for step in steps)
    assert 12 + 4 * (rounds - 1) < 0.7 * len(allowed), "what is known needs no more tokens"


@pytest.mark.parametrize("seed", range(4))
def test_where_predictions_say_nothing_patience_does_not_end_the_search(seed, monkeypatch):
    """The value has nothing to do with the embeddings: no round says anything of the tokens left, so all are tried."""
    monkeypatch.setattr(regression, "FIRST", 12)
    monkeypatch.setattr(regression, "ROUND", 16)
    draw = torch.Generator().manual_seed(seed)
    rows: list[torch.Tensor] = []

    def table(count):
        rows.append(torch.randn(count, WIDTH, generator=draw))
        return rows[0]

    model = model_with(table)
    start = torch.tensor(model.tokens.encode(TEXT))
    allowed = model.tokens.allowed
    values = torch.rand(len(rows[0]), generator=draw)
    best = allowed[int(torch.randint(len(allowed), (1,), generator=draw))]
    values[best] = 2.0

    def score(x):
        here = values.to(x)[torch.cdist(x.detach(), rows[0].to(x)).argmin(-1)]
        return here + 0 * x.sum(-1) if x.requires_grad else here

    problem = Problem(model, Planted(model, score), start, (POSITION,), round_trip=False)
    problem.generator.manual_seed(seed)
    list(gcg(problem, GcgConfig(candidates=4, topk=4, steps=200)))
    assert problem.best[0][POSITION] == best


def test_a_neuron_that_no_token_excites_is_brought_nearest_to_zero():
    """Below its lowest point a GELU rises as its input falls: what is climbed else leads the wrong way."""
    hf = copy.deepcopy(tiny_hf("bert"))
    with torch.no_grad():
        hf.encoder.layer[1].intermediate.dense.bias[3] = -3.0
    model = textdream.load(hf, tokenizer_of("bert"))
    problem = problem_for(
        model, textdream.neuron(1, 3, site="mlp_post"), position=POSITION, free=(POSITION,), round_trip=False
    )
    list(gcg(problem, GcgConfig(steps=50)))
    tokens = model.tokens.allowed
    every = replaced(problem.start, torch.full_like(tokens, POSITION), tokens)
    values = model.engine.values(every, problem.objective)
    assert float(values.max()) < 0, "none excites it"
    assert problem.best[1] == pytest.approx(float(values.max()), rel=1e-5)


def test_predictions_rank_what_is_linear():
    draw = torch.Generator().manual_seed(0)
    rows, weights = torch.randn(300, 8, generator=draw), torch.randn(8, generator=draw)
    values = rows @ weights + 3
    known = torch.zeros(300, dtype=torch.bool)
    known[:60] = True
    found = predictions(rows, values * known, known)
    ranks = [part[~known].argsort().argsort().double() for part in (found, values)]
    assert float(torch.corrcoef(torch.stack(ranks))[0, 1]) > 0.99
