import pytest
import torch
from torch import nn

from textdream.model.capture import capture, evaluation_mode
from textdream.model.sites import Place


class Chain(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        try:
            return self.three(self.two(self.two(self.one(x))))
        except Exception:
            raise AssertionError("the stop was swallowed") from None


@pytest.fixture
def chain():
    return Chain()


def count(module):
    return len(module._forward_hooks) + len(module._forward_pre_hooks)


def test_both_sides_and_each_call_are_read(chain):
    x = torch.randn(3, 2)
    a = chain.one(x)
    b = chain.two(a)
    places = {
        "in": Place(chain.two, "in"), "out": Place(chain.two, "out"),
        "in again": Place(chain.two, "in", 1), "out again": Place(chain.two, "out", 1),
    }  # fmt: skip
    found = capture(chain, places, x=x)
    for key, expected in zip(places, [a, b, b, chain.two(b)], strict=True):
        assert torch.equal(found[key], expected)


def test_it_stops_after_the_deepest(chain):
    calls = []
    chain.three.register_forward_pre_hook(lambda *_: calls.append(1))
    capture(chain, {"x": Place(chain.two, "out", 1)}, x=torch.randn(3, 2))
    assert calls == []
    capture(chain, {"x": Place(chain.three, "in")}, x=torch.randn(3, 2))
    assert calls == [1]


@pytest.mark.parametrize("raised", [RuntimeError, KeyboardInterrupt])
def test_hooks_go_whatever_happens(chain, raised):
    def breaks(*_):
        raise raised

    handle = chain.two.register_forward_hook(breaks)
    with pytest.raises((raised, AssertionError)):
        capture(chain, {"a": Place(chain.one, "out"), "b": Place(chain.three, "out")}, x=torch.randn(3, 2))
    handle.remove()
    assert [count(module) for module in chain.modules()] == [0] * 4


def test_modes_are_given_back_one_by_one(chain):
    chain.train()
    chain.two.eval()

    def fails():
        with evaluation_mode(chain):
            assert not any(module.training for module in chain.modules())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert [module.training for module in chain.modules()] == [True, True, False, True]


def test_gradients_flow_through_what_is_read(chain):
    x = torch.randn(3, 2, requires_grad=True)
    found = capture(chain, {"x": Place(chain.two, "out")}, x=x)["x"]
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert gradient.abs().sum() > 0
