"""The folder of runs: what a new server finds there, and what it shows."""

from __future__ import annotations

import json

import pytest

from tests.studio.serving import LONG, Page, serving, studio_on
from textdream.errors import InputError
from textdream.records import read_result
from textdream.studio.runs import Run, new_id
from textdream.studio.store import Store


def made(store: Store, **changes) -> Run:
    run = Run(**{"id": new_id(), "experiment": "dream", "model": "tiny", "settings": {}, "state": "done", "created": "2026-11-26",
                 "text": "the cats sat", **changes})  # fmt: skip
    store.save(run)
    return run


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "runs")
    yield found
    found.close()


@pytest.fixture
def reopened(store):
    """Opens the folder as the next server does."""
    found = []

    def reopen(old: Store) -> Store:
        old.close()
        found.append(Store(old.folder))
        return found[-1]

    yield reopen
    for one in found:
        one.close()


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_what_ran_when_the_server_was_killed_is_interrupted(store, reopened, state):
    run = made(store, state=state)
    again = reopened(store)
    found = again.get(run.id)
    assert found.state == "interrupted"
    assert found.ended is not None
    assert found.note in ("It had not begun.", "The server ended while it ran.")
    assert json.loads((again.folder / f"{run.id}.run.json").read_text())["state"] == "interrupted"


@pytest.mark.parametrize("state", ["done", "stopped", "interrupted", "failed"])
def test_what_had_ended_stays_what_it_was(store, reopened, state):
    run = made(store, state=state, error="a; b; c" if state == "failed" else None)
    assert reopened(store).get(run.id) == run


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"schema": "textdream.run/9"}', b"null", b"{" * 10_000]
)
def test_a_broken_run_is_shown_as_such_and_breaks_nothing(store, reopened, content):
    good, bad = made(store), made(store)
    (store.folder / f"{bad.id}.run.json").write_bytes(content)
    again = reopened(store)
    assert again.get(good.id).state == "done"
    broken = again.get(bad.id)
    assert broken.state == "broken"
    assert broken.error.startswith(f"{bad.id}.run.json cannot be read")
    assert len(broken.error.splitlines()) == 1


def test_a_run_that_names_another_is_broken(store, reopened):
    first, second = made(store), made(store)
    (store.folder / f"{first.id}.run.json").write_text(second.to_json())
    assert "it names the run" in reopened(store).get(first.id).error


def test_a_run_of_an_unknown_experiment_is_broken(store, reopened):
    run = made(store, state="interrupted", experiment="magic")
    assert "no known experiment" in reopened(store).get(run.id).error


def test_a_run_whose_settings_are_no_more_those_of_a_form_is_refused(loaded, tmp_path):
    folder = tmp_path / "runs"
    store = Store(folder)
    run = made(store, state="interrupted", settings={"text": "a", "gone": 1})
    store.close()
    with serving(studio_on(folder, loaded)) as url:
        answer = Page(url).post(f"/api/runs/{run.id}/continue")
    assert answer.status_code == 422
    assert "gone" in answer.json()["error"]


def test_a_result_without_its_run_is_shown(store, reopened):
    id_ = new_id()
    (store.folder / f"{id_}.json").write_text("{}")
    assert reopened(store).get(id_).state == "broken"


@pytest.mark.parametrize("content", [b"", b'{"schema": "textdream.result/1", "type": "dream"'])
def test_a_result_that_was_cut_short_is_shown(store, reopened, content):
    run = made(store, result_bytes=1000)
    (store.folder / f"{run.id}.json").write_bytes(content)
    found = reopened(store).get(run.id)
    assert found.state == "broken"
    assert f"{run.id}.json" in found.error


def test_other_files_are_left_alone(store, reopened):
    names = ["notes.txt", "dream.json", ".hidden", "x.run.json", "20261126-125230-k3f9ab.png", "..json"]
    for name in names:
        (store.folder / name).write_text("mine")
    (store.folder / "20261126-125230-aaaaaa.run.json.bak").mkdir()
    again = reopened(store)
    assert again.find("", lambda _: True) == []
    assert all((again.folder / name).read_text() == "mine" for name in names)


def test_a_second_server_on_the_folder_is_refused(store):
    with pytest.raises(InputError, match="another studio uses the folder"):
        Store(store.folder)
    store.close()
    Store(store.folder).close()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        Store(tmp_path / "file")


@pytest.mark.parametrize(
    "id_", ["../x", "", "a", "20261126-125230-K3F9AB", "20261126-125230-k3f9ab/..", "20261126-125230-k3f9ab\n"]
)
def test_no_other_id_becomes_a_path(store, id_):
    if id_.endswith("\n"):
        assert store.get(id_) is None
        return
    with pytest.raises(AssertionError):
        store.path(id_, ".json")


def test_the_gallery_finds_words_in_any_order_and_case(store):
    made(store, text="The cats sat", created="1"), made(store, text="the dog ran", headline="a CAT", created="2")
    made(store, text="nothing", experiment="shift", created="3", id="20261126-120000-xcatx0")
    texts = lambda search: [run.text for run in store.find(search, lambda _: True)]  # noqa: E731
    assert texts("cat") == ["the dog ran", "The cats sat"], "newest first"
    assert texts("SAT cats") == ["The cats sat"]
    assert texts("shift") == ["nothing"]
    assert texts("cat nothing") == []
    assert texts("20261126-1200") == ["nothing"], "an id from its beginning, not the letters inside"
    assert len(texts("")) == 3


def test_a_killed_servers_dream_is_found_and_goes_on(loaded, tmp_path):
    """The server is as good as killed: it ends without writing anything more."""
    folder = tmp_path / "runs"
    studio = studio_on(folder, loaded)
    with serving(studio) as url:
        page = Page(url)
        done = page.begun()
        page.ended(done)
        long = page.begun(settings=LONG)
        page.running(long)
        page.post(f"/api/runs/{long}/pause")
        page.until(long, lambda run: run["state"] == "paused")
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, content in before.items():
        (folder / name).write_bytes(content)
    assert json.loads((folder / f"{long}.run.json").read_text())["state"] == "paused"
    with serving(studio_on(folder, loaded)) as url:
        page = Page(url)
        assert page.run(done)["state"] == "done"
        found = page.run(long)
        assert found["state"] == "interrupted"
        assert found["actions"] == ["continue", "delete"]
        assert found["headline"]
        assert read_result(folder / f"{long}.json").interrupted
        new = page.post(f"/api/runs/{long}/continue").json()
        page.running(new["id"])
        page.post(f"/api/runs/{new['id']}/stop")
        page.ended(new["id"], "stopped")


def test_a_server_that_ends_saves_what_is_under_way(loaded, tmp_path):
    studio = studio_on(tmp_path / "runs", loaded)
    with serving(studio) as url:
        page = Page(url)
        long, waiting = page.begun(settings=LONG), page.begun()
        page.running(long)
    assert read_result(tmp_path / "runs" / f"{long}.json").interrupted
    for id_ in (long, waiting):
        assert json.loads((tmp_path / "runs" / f"{id_}.run.json").read_text())["state"] == "interrupted"
