"""What viewers of a run see: everything, once, from any place."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.studio.serving import LONG
from textdream.studio import events as studio_events
from textdream.studio.events import AT_ONCE, Channel, TooManyViewersError, Viewers
from textdream.studio.runs import RunAnswer

ANSWER = RunAnswer(
    id="20261126-125230-k3f9ab", experiment="dream", model="tiny", text="", state="done", created="2026-11-26T12:52:30Z",
    started=None, ended=None, seconds=0.0, place=None, progress=None, headline=None, error=None, note=None, continues=None,
    continued_by=None, has_result=True, has_concept=False, pausing=False, stopping=False, actions=["delete"],
)  # fmt: skip


def steps_of(events):
    return [step for kind, data, _ in events if kind == "steps" for step in data]


def test_every_step_is_seen_and_the_file_has_the_same(page):
    id_ = page.begun(settings={**LONG, "search": {**LONG["search"], "steps": 400}})
    events = page.events(id_)
    kinds = [kind for kind, _, _ in events]
    assert kinds[0] == "begin"
    assert kinds[-2:] == ["result", "end"]
    seen = steps_of(events)
    assert [step["step"] for step in seen] == list(range(401))
    assert seen == page.get(f"/api/runs/{id_}/result").json()["steps"]
    states = [data["state"] for kind, data, _ in events if kind == "state"]
    assert states[-1] == "done"
    assert "running" in states


def test_fast_steps_come_together(page):
    id_ = page.begun(settings={**LONG, "search": {**LONG["search"], "steps": 400}})
    events = page.events(id_)
    run = page.ended(id_)
    frames = sum(kind == "steps" for kind, _, _ in events)
    assert frames <= 20 * run["seconds"] + 2, "about 20 a second at most"


def test_a_reader_goes_on_from_where_it_was(page):
    id_ = page.begun(settings={**LONG, "search": {**LONG["search"], "steps": 600}})
    first = page.events(id_, until=lambda event: event[0] == "steps" and event[1][-1]["step"] >= 3)
    last_id = next(id_ for _, _, id_ in reversed(first) if id_ is not None)
    rest = page.events(id_, last_id)
    assert "begin" not in [kind for kind, _, _ in rest], "it is not told to begin anew"
    assert [step["step"] for step in steps_of(first) + steps_of(rest)] == list(range(601))


def test_a_new_stream_goes_on_after_what_the_page_has(page):
    """A browser's new EventSource sends no header: the place stands in the address, and that of a header is newer."""
    id_ = page.begun(settings={**LONG, "search": {**LONG["search"], "steps": 300}})
    first = page.events(id_, until=lambda event: event[0] == "steps" and event[1][-1]["step"] >= 3)
    after = next(id_ for _, _, id_ in reversed(first) if id_ is not None)
    rest = page.events(id_, after=after)
    assert "begin" not in [kind for kind, _, _ in rest]
    assert [step["step"] for step in steps_of(first) + steps_of(rest)] == list(range(301))


def test_a_place_that_is_not_known_begins_anew(page):
    id_ = page.begun(settings=LONG)
    events = page.events(id_, "deadbeef-7", until=lambda event: event[0] == "steps")
    assert events[0][0] == "begin"
    assert steps_of(events)[0]["step"] == 0


def test_a_run_that_ended_says_its_end_and_closes(page):
    id_ = page.begun()
    page.ended(id_)
    assert [kind for kind, _, _ in page.events(id_)] == ["begin", "state", "result", "end"]


def test_a_run_that_failed_has_no_result_to_fetch(page):
    blocker = page.begun(settings=LONG)
    page.running(blocker)
    id_ = page.begun()
    page.post(f"/api/runs/{id_}/stop")
    page.ended(id_, "stopped")
    assert [kind for kind, _, _ in page.events(id_)] == ["begin", "state", "end"]


def test_news_of_a_search_come_one_by_one_and_none_is_lost(page):
    settings = {
        "text": "the cat ran .",
        "target": {"layer": 1, "neuron": 3, "position": "2"},
        "search": {"change": "all"},
    }
    events = page.events(page.begun("token-search", settings))
    news = [line for kind, data, _ in events if kind == "news" for line in data]
    assert len(news) == 4
    assert all(re.search(r"→", line) for line in news)


def test_those_who_wait_hear_how_the_queue_moves(page):
    long = page.begun(settings=LONG)
    page.running(long)
    first, second = page.begun(), page.begun()
    events = page.events(second, until=lambda event: event[0] == "state")
    assert events[-1][1]["place"] == 2
    page.post(f"/api/runs/{long}/stop")
    page.ended(first)
    states = [(data["state"], data["place"]) for kind, data, _ in page.events(second) if kind == "state"]
    assert states[-1] == ("done", None)


async def _all(channel: Channel, last_id: str | None = None) -> bytes:
    return b"".join([piece async for piece in channel.read(last_id, lambda: False)])


def test_viewers_share_one_copy():
    channel = Channel()
    for number in range(1000):
        channel.tell_steps([f'{{"step": {number}}}'])
        channel._seal(whole=True)
    channel.end(ANSWER)

    async def both() -> list[bytes]:
        return await asyncio.gather(*(_all(channel) for _ in range(50)))

    found = asyncio.run(both())
    assert len(set(found)) == 1
    assert found[0].count(b"event: steps") == 1000
    assert len(channel._frames) == 1000, "50 viewers add nothing to what is kept"


def test_a_reader_far_behind_is_given_pieces():
    channel = Channel()
    for number in range(2 * AT_ONCE + 5):
        channel.tell_steps([str(number)])
        channel._seal(whole=True)
    channel.end(ANSWER)

    async def pieces() -> list[int]:
        return [piece.count(b"event: steps") async for piece in channel.read(None, lambda: False)]

    assert [count for count in asyncio.run(pieces()) if count] == [AT_ONCE, AT_ONCE, 5]


def test_one_who_never_reads_holds_up_nobody():
    """The engine only appends: telling 20,000 steps returns while a reader stands still."""
    channel = Channel()

    async def stands() -> None:
        reader = channel.read(None, lambda: False)
        await anext(reader)
        for number in range(20_000):
            channel.tell_steps([str(number)])
        channel.end(ANSWER)
        text = await _all(channel)
        assert text.count(b",") > 19_000
        await reader.aclose()

    asyncio.run(stands())


def test_the_server_ends_a_stream_when_it_ends():
    channel = Channel()
    channel.tell_steps(["1"])

    async def read() -> bytes:
        return b"".join([piece async for piece in channel.read(None, lambda: True)])

    assert asyncio.run(read()).count(b"event: steps") == 1


def test_streams_beyond_a_number_are_refused_until_one_closes(monkeypatch):
    monkeypatch.setattr(studio_events, "VIEWERS", 2)
    channel, viewers = Channel(), Viewers()

    async def watch() -> None:
        def view():
            return viewers.admit(channel.read(None, lambda: False))

        first, second = view(), view()
        await anext(first)
        await anext(second)
        with pytest.raises(TooManyViewersError, match="2 live views are open"):
            view()
        await first.aclose()
        del first
        third = view()
        await anext(third)
        with pytest.raises(TooManyViewersError):
            view()
        await third.aclose()
        await second.aclose()

    asyncio.run(watch())


def test_a_view_too_many_is_answered_with_a_sentence(page, monkeypatch):
    id_ = page.begun()
    monkeypatch.setattr(studio_events, "VIEWERS", 0)
    answer = page.get(f"/api/runs/{id_}/events")
    assert answer.status_code == 429
    assert "live views are open" in answer.json()["error"]


@pytest.mark.parametrize(
    "given", ["", "1", "x-1", "-1", "{epoch}-99", "{epoch}--1", "{epoch}-1; drop", "{epoch}-" + "9" * 50]
)
def test_a_strange_place_is_the_beginning(given):
    channel = Channel()
    channel.tell_steps(["1"])
    channel.end(ANSWER)
    text = asyncio.run(_all(channel, given.format(epoch=channel._epoch)))
    assert text.startswith(b"event: begin")
