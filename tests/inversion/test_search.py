import inspect

import pytest
import torch

from tests.tiny import TEXT, tiny
from textdream.configs import ReconstructConfig
from textdream.experiments import rebuilding
from textdream.inversion import Annealing, Found, Goal, Hybrid, LeftToRight
from textdream.model import Prefix, Read

CAUSAL = ["gpt2", "llama", "opt", "gpt_neox", "qwen3"]


def goal_of(model, layer, text=TEXT, **part):
    ids = torch.tensor(model.tokens.encode(text))
    read = Read("resid_post", layer)
    states = model.engine.activations(ids[None], [read])[read]
    return rebuilding.goal_of(model, read, ids, states, ReconstructConfig(**part)), ids


def run(search, signs=60):
    for number, _ in enumerate(search):
        if number == signs:
            break
    return search.found


def generator():
    return torch.Generator().manual_seed(0)


def test_the_search_is_given_an_activation_and_no_text():
    """What it cannot see cannot guide it: a goal has the target, and special tokens only in its frame."""
    assert set(inspect.signature(Goal).parameters) == {"model", "read", "target", "frame", "position", "neuron"}
    for kind in (Hybrid, LeftToRight, Annealing):
        given = set(inspect.signature(kind).parameters)
        assert given <= {"goal", "lens", "generator", "start", "steps"}
    model = tiny("bert")
    goal, ids = goal_of(model, 1)
    assert {id_ for id_ in goal.frame if id_ is not None} <= model.tokens.special
    assert goal.free == tuple(model.tokens.open_positions(ids.tolist()))


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("layer", [0, 2])
def test_left_to_right_is_exact_without_a_lens(name, layer):
    goal, ids = goal_of(tiny(name), layer)
    search = LeftToRight(goal, None)
    found = run(search)
    assert found.exact
    assert found.ids.tolist() == ids.tolist()
    assert found.loss <= goal.noise(ids)
    # The first guess, and the text after each token that was looked for, run in one ordinary pass.
    assert found.evaluations == sum(search.tried) + 1 + sum(count > 0 for count in search.tried)
    assert len(search.tried) == len(goal.free)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_prefix_gives_the_states_of_the_whole_pass(name):
    model = tiny(name)
    goal, ids = goal_of(model, 1)
    prefix = Prefix(model.engine, goal.read)
    for position, id_ in enumerate(ids.tolist()):
        others = model.tokens.allowed[:5]
        states = prefix.states(torch.cat([torch.tensor([id_]), others]))
        assert torch.allclose(states[0], goal.target[position], atol=1e-4, rtol=1e-4)
        row = model.engine.table[id_]
        assert torch.allclose(prefix.soft_state(row).detach(), goal.target[position], atol=1e-4, rtol=1e-4)
        prefix.push(id_)
    assert prefix.ids == ids.tolist()


def test_hybrid_is_exact_in_the_first_layer():
    goal, ids = goal_of(tiny("bert"), 0)
    found = run(Hybrid(goal, None, generator()))
    assert found.exact
    assert found.ids.tolist() == ids.tolist()


def test_hybrid_repeats_with_its_seed_and_keeps_the_best():
    losses = []
    for _ in range(2):
        goal, _ids = goal_of(tiny("bert"), 2)
        search = Hybrid(goal, None, generator())
        path = [sign.loss for _, sign in zip(range(25), search, strict=False)]
        assert path == sorted(path, reverse=True)
        assert search.found.loss == pytest.approx(float(goal.measure(search.found.ids[None]).mean()), rel=1e-4)
        losses.append(path)
    assert losses[0] == losses[1]


def test_from_its_own_text_there_is_nothing_to_do():
    goal, ids = goal_of(tiny("bert"), 2)
    search = Hybrid(goal, None, generator(), ids)
    assert not list(search)
    assert search.found.exact
    assert search.found.evaluations == 1


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_noise_is_far_below_the_nearest_other_text(name):
    model = tiny(name)
    for layer in range(3):
        goal, ids = goal_of(model, layer)
        noise = goal.noise(ids)
        assert 0 < noise < 1e-9
        assert goal.exact(ids, float(goal.measure(ids[None]).mean()))
        # In a batch, float32 may round differently: still noise.
        assert float(goal.measure(ids.repeat(7, 1)).mean(1).max()) <= noise
        texts = ids.repeat(len(model.tokens.allowed), 1)
        texts[:, 4] = model.tokens.allowed
        losses = goal.measure(texts).mean(1)
        other = losses[model.tokens.allowed != ids[4]].min()
        assert other > 1e3 * noise
        assert not goal.exact(texts[int(losses.argmax())], float(other))


def test_tokens_of_equal_rows_are_told_apart_by_nothing():
    model = tiny("bert")
    ids = model.tokens.encode(TEXT)
    with torch.no_grad():
        table = model.hf.get_input_embeddings().weight
        twin = next(token for token in model.tokens.allowed.tolist() if token not in ids)
        table[twin] = table[ids[3]]
    model.__dict__.pop("engine", None)
    goal, right = goal_of(model, 0)
    other = right.clone()
    other[3] = twin
    assert goal.exact(other, float(goal.measure(other[None]).mean()))
    found = run(Hybrid(goal, None, generator()))
    assert found.exact
    assert [position for position, (a, b) in enumerate(zip(found.ids, right, strict=True)) if a != b] in ([], [3])


@pytest.mark.parametrize("part", [{"position": 4}, {"neuron": 3}, {"position": 4, "neuron": 3}])
def test_part_of_a_layer(part):
    model = tiny("bert")
    goal, ids = goal_of(model, 1, **part)
    found = run(Hybrid(goal, None, generator()), 20)
    states = (
        model.hf.eval()(input_ids=torch.stack([found.ids, ids]), output_hidden_states=True).hidden_states[2].detach()
    )
    rows = slice(None) if "position" not in part else slice(4, 5)
    units = slice(None) if "neuron" not in part else slice(3, 4)
    loss = (states[0, rows, units] - states[1, rows, units]).square().mean()
    assert found.loss == pytest.approx(float(loss), rel=1e-3, abs=1e-12)


def test_annealing_keeps_the_last_text_and_the_best():
    goal, _ = goal_of(tiny("bert"), 0)
    search = Annealing(goal, 300, generator())
    found = run(search, 10_000)
    assert search.last is not None
    assert found.loss <= search.last[1]
    assert found.gradients <= 300


def test_the_model_is_left_as_it_was():
    model = tiny("bert")
    before = {name: value.clone() for name, value in model.hf.state_dict().items()}
    goal, _ = goal_of(model, 1)
    state = torch.random.get_rng_state()
    run(Hybrid(goal, None, generator()), 10)
    assert torch.equal(state, torch.random.get_rng_state())
    assert model.hf.training
    assert all(torch.equal(before[name], value) for name, value in model.hf.state_dict().items())
    assert all(parameter.grad is None for parameter in model.hf.parameters())


def test_a_better_text_is_remembered_once():
    goal, ids = goal_of(tiny("bert"), 1)
    found = Found(goal)
    other = ids.clone()
    other[3] = model_token(goal, ids)
    found.measure(torch.stack([other, ids, other]))
    assert found.ids.tolist() == ids.tolist()
    assert found.exact
    found.measure(other[None])
    assert found.exact


def model_token(goal, ids):
    return int(next(token for token in goal.model.tokens.allowed if token not in ids))
