import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import textdream
from tests.tiny import TEXT, tiny
from textdream.experiments.neighbourhood import ranks, smoothness, spearman

numbers = st.lists(st.integers(-5, 5), min_size=3, max_size=12)


def plain_ranks(values):
    return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2 for a in values]


@given(numbers)
def test_equals_share_the_mean_of_their_ranks(values):
    assert ranks(torch.tensor(values, dtype=torch.float32)).tolist() == plain_ranks(values)


@given(st.data(), numbers)
def test_spearman_is_pearson_of_the_ranks(data, a):
    b = data.draw(st.lists(st.integers(-5, 5), min_size=len(a), max_size=len(a)))
    found = spearman(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    x, y = torch.tensor([plain_ranks(a), plain_ranks(b)], dtype=torch.float64)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(float(torch.corrcoef(torch.stack([x, y]))[0, 1]), abs=1e-12)


def test_a_textbook_example():
    """Six differences of squares 0, 1, 1, 4, 1, 1: 1 - 6·8 / (6·35)."""
    a, b = torch.tensor([1.0, 2, 3, 4, 5, 6]), torch.tensor([1.0, 3, 2, 6, 4, 5])
    assert spearman(a, b) == pytest.approx(1 - 6 * 8 / (6 * 35))


def test_few_or_equal_values_have_no_correlation():
    assert spearman(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0])) is None
    assert spearman(torch.ones(5), torch.arange(5.0)) is None


def test_smoothness_is_one_where_the_difference_grows_with_the_distance():
    distances = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert smoothness(distances, torch.tensor([9.0, 11.5, 8.0, 5.0]), 10.0) == pytest.approx(1)
    assert smoothness(distances, torch.tensor([5.0, 8.0, 11.5, 9.0]), 10.0) == pytest.approx(-1)


def test_similar_reports_it(bert):
    result = textdream.similar(bert, TEXT, textdream.neuron(2, 3), textdream.SimilarConfig(top=12), position=3)
    others = result.tokens[1:]
    differences = torch.tensor([abs(token.activation - result.start.activation) for token in others])
    expected = spearman(torch.tensor([token.distance for token in others]), differences)
    assert result.rank_correlation == pytest.approx(expected, abs=1e-9)


def test_similar_has_none_of_one_neighbour():
    config = textdream.SimilarConfig(top=2)
    result = textdream.similar(tiny("gpt2"), TEXT, textdream.neuron(2, 3), config, position=3)
    assert result.rank_correlation is None
