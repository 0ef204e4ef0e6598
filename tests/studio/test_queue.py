from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textdream.studio.queue import MOST, MOST_OF_ONE, FairQueue, QueueFullError

CLIENTS = st.lists(st.sampled_from("abcd"), max_size=18)


def filled(clients: list[str]) -> FairQueue:
    queue = FairQueue()
    for number, client in enumerate(clients):
        queue.put(client, f"{client}{number}")
    return queue


@given(CLIENTS)
def test_all_come_out_once_in_the_order_that_was_said(clients):
    queue = filled(clients)
    order = queue.order()
    assert len(queue) == len(clients), "asking for the order takes nothing out"
    assert [queue.take() for _ in clients] == order
    assert sorted(order) == sorted(f"{client}{number}" for number, client in enumerate(clients))
    assert queue.take() is None


@given(CLIENTS)
def test_nobody_is_served_twice_while_another_waits_for_the_first(clients):
    order = filled(clients).order()
    for place, run in enumerate(order):
        waiting = {other[0] for other in order[place:]}
        turns = {client: sum(done[0] == client for done in order[:place]) for client in waiting}
        assert turns[run[0]] == min(turns.values())


@given(CLIENTS)
def test_each_clients_runs_keep_their_order(clients):
    order = filled(clients).order()
    for client in set(clients):
        numbers = [int(run[1:]) for run in order if run[0] == client]
        assert numbers == sorted(numbers)


def test_ten_runs_of_one_do_not_hold_up_the_first_of_another():
    queue = filled(["a"] * 10)
    assert queue.take() == "a0"
    queue.put("b", "b0")
    assert [queue.take(), queue.take(), queue.take()] == ["b0", "a1", "a2"]


def test_a_run_that_had_begun_is_the_next_of_its_client_even_where_the_line_is_full():
    queue = filled(["a"] * MOST_OF_ONE)
    queue.put_first("a", "again")
    assert queue.take() == "again"


def test_the_queue_and_each_line_are_bounded():
    queue = filled(["a"] * MOST_OF_ONE)
    with pytest.raises(QueueFullError, match=f"{MOST_OF_ONE} of your runs wait"):
        queue.put("a", "one more")
    queue = filled([f"client {number}" for number in range(MOST)])
    with pytest.raises(QueueFullError, match=f"{MOST} runs wait"):
        queue.put("another", "one more")


def test_a_run_is_taken_out_of_the_line():
    queue = filled(["a", "a", "b"])
    assert queue.remove("a0")
    assert not queue.remove("a0")
    assert queue.order() == ["a1", "b2"]


def test_the_table_of_clients_does_not_grow_without_end():
    queue = FairQueue()
    for number in range(5 * MOST):
        queue.put(f"client {number}", str(number))
        queue.take()
    assert len(queue._served) <= MOST + 1
