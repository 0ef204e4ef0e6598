"""A run from the form to the file: the states it goes through, and what may be done in each."""

from __future__ import annotations

import json
import threading

import pytest

import textdream
from tests.studio.serving import DREAM, LONG, TARGET, TEXT, Page
from textdream.records import read_result
from textdream.studio.catalog import KINDS

CONCEPT = {
    "text": "\n".join(f"he {verb} the {thing}" for verb in ("saw", "held", "ate") for thing in ("cat", "dog", "sun")),
    "search": {"swap": "he=she", "folds": 2, "repeats": 1, "controls": 2},
}
OF_A_WORD = {"text": "the cat ran", "word": "cat"}


def test_a_dream_runs_to_its_end_and_its_file_is_what_verify_takes(page, studio, loaded, tmp_path):
    id_ = page.begun()
    assert (studio.store.folder / f"{id_}.run.json").is_file(), "a run is a file the moment it exists"
    run = page.ended(id_)
    assert run["has_result"]
    assert run["text"] == TEXT
    assert run["settings"]["search"]["gcg"]["candidates"] == 192, "defaults are written down"
    path = tmp_path / "result.json"
    path.write_bytes(page.get(f"/api/runs/{id_}/result").content)
    report = textdream.verify(path, loaded["tiny"])
    assert report.holds
    assert report.checked > 0
    result = read_result(path)
    assert not result.interrupted
    assert run["headline"].startswith(result.best.text)
    assert not list(studio.store.folder.glob(".*.partial"))


def test_a_result_is_downloaded_as_it_is_and_as_a_picture(page):
    id_ = page.begun()
    page.ended(id_)
    file = page.get(f"/api/runs/{id_}/download")
    assert file.headers["content-disposition"] == f'attachment; filename="textdream-dream-{id_}.json"'
    assert file.content == page.get(f"/api/runs/{id_}/result").content
    picture = page.get(f"/api/runs/{id_}/download", params={"format": "html"})
    assert picture.headers["content-disposition"].endswith('.html"')
    assert picture.headers["content-type"].startswith("text/html")
    assert picture.text.startswith("<!doctype html>")
    assert id_ in picture.text
    missing = page.get(f"/api/runs/{id_}/download", params={"format": "concept"})
    assert missing.status_code == 404
    assert "has no concept" in missing.json()["error"]


@pytest.mark.parametrize(
    ("experiment", "settings", "kind"),
    [
        ("token-search", {"text": TEXT, "target": TARGET, "search": {"change": "all", "top": 3}}, "token_search"),
        ("similar", {"text": TEXT, "target": TARGET}, "similar"),
        ("diagnose", {"text": TEXT, "target": TARGET, "search": {"steps": 5}}, "diagnose"),
        ("reconstruct", {"text": "the cat ran", "search": {"layers": "0", "evaluations": 50}}, "reconstruct"),
        ("concept-fit", CONCEPT, "concept"),
        ("shift", {"text": "he ran", "search": {"word": "he", "replace_with": "she/she ran", "layers": "1",
                                                  "evaluations": 20}}, "shift"),
    ],
)  # fmt: skip
def test_every_experiment_runs(page, loaded, tmp_path, experiment, settings, kind):
    run = page.ended(page.begun(experiment, settings))
    path = tmp_path / "result.json"
    path.write_bytes(page.get(f"/api/runs/{run['id']}/result").content)
    assert read_result(path).type == kind
    assert textdream.verify(path, loaded["tiny"]).holds
    assert run["headline"]


def test_fill_mask_needs_a_head(page):
    run = page.ended(page.begun("fill-mask", {"text": TEXT, "word": "he", "search": {"tokens": "he,she"}}, "masked"))
    assert "%" in run["headline"]
    assert "has no head that predicts tokens" in page.refused("fill-mask", {"text": TEXT, "word": "he"})


def test_a_concept_that_was_fitted_is_offered_and_used_by_its_id(page):
    made = page.ended(page.begun("concept-fit", CONCEPT))
    assert made["has_concept"]
    offered = page.get("/api/concepts").json()["concepts"]
    assert {"id": made["id"], "model": "tiny", "positive": "he", "negative": "she", "layers": [0, 1, 2],
            "created": made["created"]} in offered  # fmt: skip
    classified = page.ended(page.begun("concept-classify", {"concept": made["id"], **OF_A_WORD}))
    assert page.get(f"/api/runs/{classified['id']}/result").json()["settings"]["concept"] == f"{made['id']}.safetensors"
    shift = {
        "word": "he",
        "concept": made["id"],
        "magnitudes": "5",
        "unit": "distance",
        "layers": "1",
        "evaluations": 20,
    }
    moved = page.ended(page.begun("shift", {"text": "he ran", "search": shift}))
    audit = {"concept": made["id"], "word": "he", "layer": 1, "evaluations": 20,
             "sentences": "he ran\nhe saw the cat\nthe dog slept"}  # fmt: skip
    audited = page.ended(page.begun("shift-audit", {"search": audit}))
    assert page.get(f"/api/runs/{audited['id']}/result").json()["source"] == f"{audited['id']}.sentences.txt"
    assert audited["headline"].startswith("she → he in 2 sentences: ")
    # The form's example chooses frames: whoever enters sotu beside them is told at once.
    both = {**audit, "frames": KINDS["shift-audit"].example["search"]["frames"], "sentences": "sotu"}
    assert "--frames was given with --sentences" in page.refused("shift-audit", {"search": both})
    target = {"layer": 1, "position": "3", "direction": f"{made['id']}:logistic"}
    dreamt = page.ended(page.begun("dream", {**DREAM, "target": target}))
    for run in (classified, moved, audited, dreamt):
        result = page.get(f"/api/runs/{run['id']}/result").text
        assert "/" not in json.loads(result)["settings"].get("concept", ""), "no path of the server is written down"
    file = page.get(f"/api/runs/{made['id']}/download", params={"format": "concept"})
    assert file.headers["content-disposition"].endswith('.safetensors"')
    assert len(file.content) > 1000


def test_a_dream_is_diagnosed_by_its_id(page):
    dream = page.begun("dream", {**DREAM, "search": {"method": "anneal", "steps": 5, "certify": False}})
    page.ended(dream)
    page.ended(page.begun("diagnose", {"dream": dream}))
    assert "it has its own" in page.refused("diagnose", {"dream": dream, "text": TEXT})


def test_a_run_that_is_stopped_while_it_is_set_aside_ends(page, studio, monkeypatch):
    """Its result is being written then, and its file still says that it runs."""
    writing, release = threading.Event(), threading.Event()
    save = studio.store.save_result

    def slow(run, result):
        save(run, result)
        if studio.engine.jobs[run.id].stopping is False and wanted.is_set():
            writing.set()
            assert release.wait(60)

    wanted = threading.Event()
    id_ = page.begun(settings=LONG)
    page.running(id_)
    monkeypatch.setattr(studio.store, "save_result", slow)
    wanted.set()
    assert page.post(f"/api/runs/{id_}/pause").status_code == 200
    assert writing.wait(60)
    assert page.post(f"/api/runs/{id_}/stop").status_code == 200
    wanted.clear()
    release.set()
    run = page.until(id_, lambda run: run["state"] == "stopped")
    assert run["has_result"]
    assert run["actions"] == ["continue", "delete"]
    assert page.http.delete(f"/api/runs/{id_}").status_code == 204


@pytest.mark.parametrize("resumed", [False, True])
def test_a_run_that_was_set_aside_stops_at_once_while_another_goes_on(page, studio, resumed):
    long = page.begun(settings=LONG)
    page.running(long)
    page.post(f"/api/runs/{long}/pause")
    page.until(long, lambda run: run["state"] == "paused")
    other = page.begun(settings=LONG)
    page.running(other)
    if resumed:
        assert page.post(f"/api/runs/{long}/resume").json()["state"] == "queued"
    evaluations = studio.engine.models.get("tiny").engine.evaluations
    answer = page.post(f"/api/runs/{long}/stop").json()
    assert (answer["state"], answer["actions"], answer["has_result"]) == ("stopped", ["continue", "delete"], True)
    assert page.run(other)["state"] == "running"
    assert studio.engine.models.get("tiny").engine.evaluations >= evaluations, "the other run's count goes on"
    page.post(f"/api/runs/{other}/stop")
    page.until(other, lambda run: run["state"] == "stopped")


def test_pause_lets_others_run_and_loses_nothing(page):
    long = page.begun(settings={**LONG, "search": {**LONG["search"], "steps": 300}})
    page.running(long)
    assert page.post(f"/api/runs/{long}/pause").status_code == 200
    paused = page.until(long, lambda run: run["state"] == "paused")
    assert paused["has_result"], "what there is by then is written"
    assert paused["actions"] == ["resume", "stop"]
    page.ended(page.begun())
    still = page.run(long)
    assert still["state"] == "paused"
    assert still["seconds"] == paused["seconds"], "pauses are not counted"
    assert page.post(f"/api/runs/{long}/resume").status_code == 200
    page.ended(long)
    result = page.get(f"/api/runs/{long}/result").json()
    assert [step["step"] for step in result["steps"]] == list(range(301))


def test_what_another_run_evaluates_is_not_counted(page):
    settings = {**LONG, "search": {**LONG["search"], "steps": 60}}
    alone = page.ended(page.begun(settings=settings))
    expected = page.get(f"/api/runs/{alone['id']}/result").json()
    other = page.begun(settings=settings)
    page.running(other)
    page.post(f"/api/runs/{other}/pause")
    if page.until(other, lambda run: run["state"] in ("paused", "done"))["state"] == "paused":
        page.ended(page.begun())
        page.post(f"/api/runs/{other}/resume")
    page.ended(other)
    found = page.get(f"/api/runs/{other}/result").json()
    assert found["evaluations"] == expected["evaluations"]
    assert found["best"] == expected["best"]
    assert found["steps"] == expected["steps"]


def test_stop_keeps_the_best_and_it_can_go_on(page):
    id_ = page.begun(settings=LONG)
    page.running(id_)
    assert page.post(f"/api/runs/{id_}/stop").status_code == 200
    stopped = page.ended(id_, "stopped")
    assert stopped["actions"] == ["continue", "delete"]
    result = page.get(f"/api/runs/{id_}/result").json()
    assert result["interrupted"]
    answer = page.post(f"/api/runs/{id_}/continue")
    assert answer.status_code == 201
    new = answer.json()
    assert new["continues"] == id_
    assert "best text" in new["note"]
    assert "anew" in new["note"]
    assert page.run(id_)["continued_by"] == new["id"]
    page.running(new["id"])
    page.post(f"/api/runs/{new['id']}/stop")
    page.ended(new["id"], "stopped")
    gone_on = page.get(f"/api/runs/{new['id']}/result").json()
    assert gone_on["start"]["ids"] == result["best"]["ids"]
    assert gone_on["start"]["activation"] == pytest.approx(result["best"]["activation"], abs=1e-5)
    assert gone_on["free"] == result["free"]
    assert gone_on["target"] == result["target"]


def test_a_reconstruction_goes_on_with_the_layers_it_has(page):
    # Of one unit in layer 1 a text cannot be found again: its budget is spent, while layer 0 is done.
    id_ = page.begun("reconstruct", {"text": TEXT, "search": {"layers": "0,1", "budget": 3.0, "neuron": 0}})
    page.until(id_, lambda run: (run["progress"] or {}).get("phase") == "layer 1")
    page.post(f"/api/runs/{id_}/stop")
    page.ended(id_, "stopped")
    before = page.get(f"/api/runs/{id_}/result").json()["layers"]
    new = page.post(f"/api/runs/{id_}/continue").json()
    assert new["note"].startswith("1 finished layers are taken over")
    page.ended(new["id"])
    after = page.get(f"/api/runs/{new['id']}/result").json()
    assert after["layers"][0] == before[0]
    assert [(layer["layer"], layer["finished"]) for layer in after["layers"]] == [(0, True), (1, True)]
    assert not after["interrupted"]


def test_seconds_are_counted_so_a_reconstruction_pauses_between_layers(page):
    id_ = page.begun("reconstruct", {"text": TEXT, "search": {"layers": "0,1", "budget": 2.0, "neuron": 0}})
    page.until(id_, lambda run: (run["progress"] or {}).get("phase") == "layer 0")
    assert page.post(f"/api/runs/{id_}/pause").json()["pausing"]
    paused = page.until(id_, lambda run: run["state"] == "paused")
    layers = page.get(f"/api/runs/{id_}/result").json()["layers"]
    assert [(layer["layer"], layer["finished"]) for layer in layers] == [(0, True)]
    page.post(f"/api/runs/{id_}/resume")
    done = page.ended(id_)
    result = page.get(f"/api/runs/{id_}/result").json()
    assert abs(result["seconds"] - done["seconds"]) < 1.0, "the pause is not in the file either"
    assert done["seconds"] > paused["seconds"]


def test_a_run_of_one_step_cannot_be_paused(page):
    long = page.begun(settings=LONG)
    page.running(long)
    assert "pause" in page.run(long)["actions"]
    single = page.begun("similar", {"text": TEXT, "target": TARGET})
    assert page.post(f"/api/runs/{single}/pause").status_code == 409


def test_a_text_that_cannot_be_gone_on_from_is_refused(page, studio):
    id_ = page.begun(settings=LONG)
    page.running(id_)
    page.post(f"/api/runs/{id_}/stop")
    page.ended(id_, "stopped")
    path = studio.store.path(id_, ".json")
    result = json.loads(path.read_text())
    result["best"]["round_trip"] = False
    path.write_text(json.dumps(result))
    answer = page.post(f"/api/runs/{id_}/continue")
    assert answer.status_code == 422
    assert answer.json()["remedy"] == "run the dream again"


def test_a_run_that_waits_is_stopped_without_having_begun(page):
    first = page.begun(settings=LONG)
    page.running(first)
    second = page.begun()
    waiting = page.run(second)
    assert (waiting["state"], waiting["place"]) == ("queued", 1)
    page.post(f"/api/runs/{second}/stop")
    stopped = page.ended(second, "stopped")
    assert not stopped["has_result"]
    assert page.get(f"/api/runs/{second}/result").status_code == 404


def test_only_what_is_possible_in_a_state_is_done(page):
    done = page.begun()
    page.ended(done)
    for action in ("pause", "resume", "stop", "continue"):
        answer = page.post(f"/api/runs/{done}/{action}")
        assert answer.status_code == 409, action
        assert "is done" in answer.json()["error"]
    long = page.begun(settings=LONG)
    page.running(long)
    assert page.http.delete(f"/api/runs/{long}").status_code == 409
    assert page.run(long)["state"] == "running"


def test_delete_takes_only_that_runs_files(page, studio):
    kept, gone = page.begun(), page.begun("concept-fit", CONCEPT)
    page.ended(kept)
    page.ended(gone)
    names = {path.name for path in studio.store.folder.iterdir()}
    own = {name for name in names if name.startswith(gone)}
    assert len(own) == 4, own
    assert page.http.delete(f"/api/runs/{gone}").status_code == 204
    assert {path.name for path in studio.store.folder.iterdir()} == names - own
    assert page.get(f"/api/runs/{gone}").status_code == 404
    assert page.http.delete(f"/api/runs/{gone}").status_code == 404


def test_partial_results_are_on_disk_while_a_run_goes_on(page):
    id_ = page.begun(settings=LONG)
    page.until(id_, lambda run: run["has_result"])
    result = page.get(f"/api/runs/{id_}/result").json()
    assert result["interrupted"]
    assert page.run(id_)["state"] == "running"


def test_an_error_of_ours_ends_the_run_and_not_the_engine(page, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise RuntimeError("secret inner value")

    with monkeypatch.context() as patch:
        patch.setitem(textdream.studio.open.OPENERS, "similar", broken)
        id_ = page.begun("similar", {"text": TEXT, "target": TARGET})
        failed = page.ended(id_, "failed")
    assert "RuntimeError" in failed["error"]
    assert "secret" not in failed["error"]
    page.ended(page.begun())


def test_clients_take_turns(url):
    first, second = Page(url, "first-client"), Page(url, "second-client")
    long = first.begun(settings=LONG)
    first.running(long)
    many = [first.begun() for _ in range(4)]
    one = second.begun()
    assert second.run(one)["place"] == 1, "who was not served yet is next"
    assert [first.run(id_)["place"] for id_ in many] == [2, 3, 4, 5]
    first.post(f"/api/runs/{long}/stop")
    began = second.ended(one)["started"]
    assert all(began < first.ended(id_)["started"] for id_ in many)


def test_the_queue_is_bounded(page, monkeypatch):
    monkeypatch.setattr("textdream.studio.queue.MOST_OF_ONE", 2)
    page.running(page.begun(settings=LONG))
    page.begun(), page.begun()
    answer = page.begin()
    assert answer.status_code == 429
    assert answer.headers["retry-after"].isdigit()
    assert answer.json()["error"] == "2 of your runs wait; fewer; try again when one has ended"
    other = Page(page.url, "another-one")
    other.begun()
