import torch

from tests.optimizers.common import problem_for, run
from textdream.configs import GcgConfig
from textdream.optimizers.gcg import disturbed, merged, sample_swaps


def test_swaps_cover_every_position_and_hold_its_best_token():
    gain = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    config = GcgConfig(candidates=40, topk=10)
    rows, tokens = sample_swaps(gain, config, 0, torch.Generator().manual_seed(1))
    assert torch.bincount(rows).tolist() == [10] * 4
    for row in range(4):
        mine = tokens[rows == row]
        assert int(gain[row].argmax()) in mine.tolist()
        assert set(mine.tolist()) <= set(gain[row].topk(10).indices.tolist())


def test_the_net_widens_when_stuck():
    gain = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    config = GcgConfig(candidates=20, topk=20)
    sizes = [len(sample_swaps(gain, config, stuck, torch.Generator())[0]) for stuck in (0, 1, 2)]
    assert sizes == [20, 40, 60]


def test_merges_change_several_positions_to_their_best_swaps():
    ids = torch.tensor([0, 1, 2, 3, 4])
    singles = torch.tensor([[0, 9, 2, 3, 4], [0, 1, 8, 3, 4], [0, 1, 2, 7, 4], [0, 6, 2, 3, 4]])
    scores = torch.tensor([3.0, 2.0, 1.0, 0.5])
    texts = merged(ids, singles, scores).tolist()
    assert [0, 9, 8, 3, 4] in texts
    assert [0, 9, 8, 7, 4] in texts
    swaps = [{0}, {1, 9, 6}, {2, 8}, {3, 7}, {4}]
    assert all(token in swaps[place] for row in texts for place, token in enumerate(row))


def test_restarts_change_only_free_positions_and_survive(bert):
    problem = problem_for(bert, free=[2, 3, 4, 5])
    for _ in range(5):
        ids = disturbed(problem, problem.start, 0.5)
        changed = (ids != problem.start).nonzero().flatten().tolist()
        assert len(changed) <= 2
        assert set(changed) <= {2, 3, 4, 5}
        assert bool(bert.tokens.survives(ids[None])[0])


def test_restarts_draw_from_the_whole_vocabulary(bert):
    """Not from its lower end: the mean rank of what is drawn is near the middle."""
    problem = problem_for(bert, free=[2, 3, 4, 5], round_trip=False)
    allowed = bert.tokens.allowed.tolist()
    ranks = []
    for _ in range(200):
        ids = disturbed(problem, problem.start, 1.0)
        first = int(ids[2])
        ranks.append(allowed.index(first) / (len(allowed) - 1))
    mean = sum(ranks) / len(ranks)
    assert 0.4 < mean < 0.6


def test_a_stuck_run_starts_anew(bert):
    steps = run("gcg", problem_for(bert, free=[3, 5]), steps=20)
    assert any(step.note == "restart" for step in steps)
