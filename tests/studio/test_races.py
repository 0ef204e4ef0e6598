"""What the engine's thread and requests do to one run at a time: each test holds one of the two where it hurts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from tests.studio.serving import DREAM, LIVE, LONG, PATIENCE, Page, serving, studio_on
from textdream.records import read_result
from textdream.studio.events import Channel
from textdream.studio.store import Store
from textdream.studio.work import Dreaming

SHORT = {**LONG, "search": {**LONG["search"], "steps": 60}}


class Gate:
    """Holds whoever comes to it until it is opened."""

    def __init__(self) -> None:
        self._reached, self._opened = threading.Event(), threading.Event()

    def pass_through(self) -> None:
        self._reached.set()
        assert self._opened.wait(PATIENCE)

    def reached(self) -> None:
        assert self._reached.wait(PATIENCE)

    def open(self) -> None:
        self._opened.set()


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, name: str, wanted: Callable[..., bool] = lambda *_: True):
    """A gate in front of one of the store's methods."""
    gate, method = Gate(), getattr(Store, name)

    def slow(store: Store, *arguments: object) -> object:
        if wanted(*arguments):
            gate.pass_through()
        return method(store, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Store, name, slow)
        try:
            yield gate
        finally:
            gate.open()


def free(lock: threading.Condition) -> bool:
    """Whether another thread could have the lock now."""
    found = []

    def ask() -> None:
        found.append(lock.acquire(blocking=False))
        if found[0]:
            lock.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return found[0]


def paused(page: Page, settings=LONG) -> str:
    """A run that is set aside."""
    id_ = page.begun(settings=settings)
    page.running(id_)
    assert page.post(f"/api/runs/{id_}/pause").status_code == 200
    page.until(id_, lambda run: run["state"] == "paused")
    return id_


def test_a_stop_while_the_pause_is_written_ends_the_run(page, monkeypatch):
    id_ = page.begun(settings=LONG)
    page.running(id_)
    with held(monkeypatch, "save_result") as gate:
        page.post(f"/api/runs/{id_}/pause")
        gate.reached()
        answer = page.post(f"/api/runs/{id_}/stop").json()
        assert answer["stopping"]
    stopped = page.ended(id_, "stopped")
    assert stopped["actions"] == ["continue", "delete"]
    assert stopped["has_result"]
    page.ended(page.begun())


def test_a_run_that_is_being_paused_is_not_paused_a_second_time(page, monkeypatch):
    id_ = page.begun(settings=LONG)
    page.running(id_)
    with held(monkeypatch, "save_result") as gate:
        page.post(f"/api/runs/{id_}/pause")
        gate.reached()
        again = page.post(f"/api/runs/{id_}/pause")
        assert again.status_code == 409
        assert "is being paused" in again.json()["error"]
        assert page.run(id_)["actions"] == ["stop"]
    found = page.until(id_, lambda run: run["state"] == "paused")
    assert not found["pausing"]
    page.post(f"/api/runs/{id_}/resume")
    page.running(id_)
    assert page.run(id_)["actions"] == ["pause", "stop"]


@pytest.mark.parametrize("resumed", [False, True], ids=["paused", "resumed, and waiting"])
def test_a_run_that_is_set_aside_is_stopped_while_another_runs(page, studio, resumed):
    id_ = paused(page)
    before = page.run(id_)
    written = studio.store.path(id_, ".json").read_bytes()
    other = page.begun(settings=LONG)
    page.running(other)
    if resumed:
        assert page.post(f"/api/runs/{id_}/resume").json()["state"] == "queued"
    answer = page.post(f"/api/runs/{id_}/stop").json()
    assert (answer["state"], answer["stopping"], answer["actions"]) == ("stopped", False, ["continue", "delete"])
    assert answer["seconds"] == before["seconds"]
    assert answer["headline"] == before["headline"]
    assert [kind for kind, _, _ in page.events(id_)] == ["begin", "state", "result", "end"]
    assert page.run(other)["state"] == "running"
    assert studio.store.path(id_, ".json").read_bytes() == written, "what it had found, and evaluated, by then"
    assert page.http.delete(f"/api/runs/{id_}").status_code == 204


def test_who_watches_a_paused_run_hears_its_end_once(page):
    id_ = paused(page)
    other = page.begun(settings=LONG)
    page.running(other)
    stopper, ended = Page(page.url), False

    def stop(event: tuple[str, dict, str]) -> bool:
        nonlocal ended
        if event[0] == "state" and not ended:
            ended = stopper.post(f"/api/runs/{id_}/stop").status_code == 200
        return False

    events = page.events(id_, until=stop)
    assert ended
    assert [kind for kind, _, _ in events][-2:] == ["result", "end"]
    assert [kind for kind, _, _ in events].count("end") == 1
    assert [data["state"] for kind, data, _ in events if kind == "state"] == ["paused", "stopped"]


def test_a_run_that_is_stopped_beside_another_does_not_change_what_that_one_counts(page):
    alone = page.begun(settings=SHORT)
    page.ended(alone)
    expected = page.get(f"/api/runs/{alone}/result").json()["evaluations"]
    waits = paused(page)
    other = page.begun(settings=SHORT)
    page.post(f"/api/runs/{waits}/stop")
    page.ended(other)
    assert page.get(f"/api/runs/{other}/result").json()["evaluations"] == expected


def test_what_counts_is_the_run_as_it_is_and_not_as_it_was_when_it_was_looked_up(page, studio):
    id_ = page.begun(settings=LONG)
    page.running(id_)
    seen = studio.store.get(id_).model_copy()
    assert seen.state == "running"
    page.post(f"/api/runs/{id_}/pause")
    page.until(id_, lambda run: run["state"] == "paused")
    assert studio.engine.actions(seen) == ["resume", "stop"]
    assert studio.engine.answer(seen).state == "paused"
    studio.engine.stop(seen)
    assert page.run(id_)["state"] == "stopped"
    assert studio.engine.actions(seen) == ["continue", "delete"]


def test_a_files_state_is_written_before_the_engine_may_change_it(page, studio, monkeypatch):
    """A short run could else be over before its file said that it waits, and then say so for ever."""
    lock, save, seen = studio.engine._changed, Store.save, []

    def looking(store: Store, run: object) -> None:
        seen.append((run.state, free(lock)))
        save(store, run)

    monkeypatch.setattr(Store, "save", looking)
    id_ = paused(page)
    page.post(f"/api/runs/{id_}/resume")
    page.running(id_)
    page.post(f"/api/runs/{id_}/stop")
    page.ended(id_, "stopped")
    states = ["queued", "running", "paused", "queued", "running", "stopped"]
    assert seen == [(state, False) for state in states]


def test_an_older_state_is_never_told_after_a_newer_one(page, studio, monkeypatch):
    lock, tell, seen = studio.engine._changed, Channel.tell_state, []

    def looking(channel: Channel, run: object) -> None:
        seen.append((channel.last is None, free(lock)))
        tell(channel, run)

    monkeypatch.setattr(Channel, "tell_state", looking)
    id_ = paused(page)
    page.post(f"/api/runs/{id_}/resume")
    page.post(f"/api/runs/{id_}/stop")
    page.ended(id_, "stopped")
    assert set(seen) == {(True, False)}


def test_a_run_that_is_deleted_while_it_is_continued_does_not_come_back(page, studio, monkeypatch):
    id_ = page.begun(settings=LONG)
    page.running(id_)
    page.post(f"/api/runs/{id_}/stop")
    page.ended(id_, "stopped")
    submit = studio.engine.submit

    def and_deleted(job: object) -> None:
        submit(job)
        assert Page(page.url).http.delete(f"/api/runs/{id_}").status_code == 204

    with monkeypatch.context() as patch:
        patch.setattr(studio.engine, "submit", and_deleted)
        assert page.post(f"/api/runs/{id_}/continue").status_code == 201
    assert page.get(f"/api/runs/{id_}").status_code == 404
    assert not list(studio.store.folder.glob(f"{id_}*"))


def test_a_result_that_cannot_be_made_when_a_run_is_stopped_does_not_end_the_engine(page, monkeypatch, caplog):
    def broken(_: object) -> None:
        raise RuntimeError("secret inner value")

    id_ = page.begun(settings=LONG)
    page.running(id_)
    with monkeypatch.context() as patch:
        patch.setattr(Dreaming, "result", broken)
        page.post(f"/api/runs/{id_}/stop")
        failed = page.ended(id_, "failed")
    assert "RuntimeError" in failed["error"]
    assert "secret" not in failed["error"]
    page.ended(page.begun())


def test_a_paused_run_that_is_stopped_while_the_server_ends_ends_once(loaded, tmp_path, monkeypatch):
    studio = studio_on(tmp_path / "runs", loaded)
    with serving(studio) as url:
        page = Page(url)
        id_, waits = paused(page), paused(page)
        # The last of the stopped run's files is held, while the server ends.
        with held(monkeypatch, "save", lambda run: run.state == "stopped") as gate:
            answers = []
            stopping = threading.Thread(target=lambda: answers.append(page.post(f"/api/runs/{id_}/stop").json()))
            stopping.start()
            gate.reached()
            ending = threading.Thread(target=studio.engine.close)
            ending.start()
            gate.open()
            stopping.join(PATIENCE)
            ending.join(PATIENCE)
        assert answers[0]["state"] == "stopped"
        assert (page.run(id_)["state"], page.run(waits)["state"]) == ("stopped", "interrupted")
        for one in (id_, waits):
            assert read_result(studio.store.path(one, ".json")).interrupted


def test_many_who_press_everything_leave_no_run_behind(url, studio):
    """Whatever comes when: in the end every run has ended, in memory and in its file, and the engine works."""
    page = Page(url)
    ids = [page.begun(settings=SHORT if number % 2 else DREAM) for number in range(10)]

    def press(number: int) -> None:
        mine = Page(url)
        for turn in range(30):
            action = ("pause", "resume", "stop", "pause", "resume")[(turn + number) % 5]
            status = mine.post(f"/api/runs/{ids[(turn * 7 + number) % 10]}/{action}").status_code
            assert status in (200, 409), status

    threads = [threading.Thread(target=press, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for id_ in ids:
        page.until(id_, lambda run: run["state"] != "running" and not run["pausing"] and not run["stopping"])
        page.post(f"/api/runs/{id_}/stop")
    for id_ in ids:
        run = page.until(id_, lambda run: run["state"] not in LIVE)
        assert run["state"] in ("done", "stopped"), run
        assert f'"state": "{run["state"]}"' in studio.store.path(id_, ".run.json").read_text()
    assert not studio.engine.jobs
    page.ended(page.begun())
