"""`textdream studio` as a person runs it: in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import socket
from contextlib import contextmanager

import pytest

from tests.cli.folders import save
from tests.cli.running import finish, start
from tests.studio.serving import DREAM, LONG, Page
from textdream.records import read_result

TEXT = "no wheeler for me ."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save(tmp_path_factory.mktemp("models") / "plain")


@contextmanager
def studio(model, folder, *more):
    """(process, its page) of a studio in a process of its own."""
    process = start("studio", "--port", 0, "--folder", folder, "--models", model, *more)
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address, (line, process.poll(), process.stderr.read() if process.poll() is not None else "")
        yield process, Page(address[0])
    finally:
        process.kill()
        process.communicate()


def settings(form):
    return {**form, "text": TEXT, "target": {"layer": 1, "neuron": 3, "position": "3"}}


def test_ctrl_c_ends_it_well_and_saves_what_is_under_way(model, tmp_path):
    with studio(model, tmp_path / "runs") as (process, page):
        id_ = page.begun("dream", settings(LONG), str(model))
        page.running(id_)
        with page.http.stream("GET", f"/api/runs/{id_}/events"):
            process.send_signal(signal.SIGINT)
            outcome = finish(process)
    assert outcome.code == 0
    assert "Traceback" not in outcome.err
    assert "ended; the runs are kept" in outcome.out
    assert json.loads((tmp_path / "runs" / f"{id_}.run.json").read_text())["state"] == "interrupted"
    assert read_result(tmp_path / "runs" / f"{id_}.json").interrupted


def test_a_killed_server_finds_its_runs_again_and_offers_to_go_on(model, tmp_path):
    with studio(model, tmp_path / "runs") as (process, page):
        done = page.begun("dream", settings(DREAM), str(model))
        page.ended(done)
        id_ = page.begun("dream", settings(LONG), str(model))
        page.until(id_, lambda run: run["has_result"])
        waiting = page.begun("dream", settings(DREAM), str(model))
        process.send_signal(signal.SIGKILL)
        process.wait()
    with studio(model, tmp_path / "runs") as (_, page):
        runs = {run["id"]: run for run in page.get("/api/runs").json()["runs"]}
        assert {id_: run["state"] for id_, run in runs.items()} == {
            done: "done",
            id_: "interrupted",
            waiting: "interrupted",
        }
        assert runs[id_]["headline"]
        again = page.post(f"/api/runs/{waiting}/continue").json()
        assert page.ended(again["id"])["note"].startswith("Begun again")


def test_two_servers_do_not_share_a_folder(model, tmp_path):
    with studio(model, tmp_path / "runs"):
        second = finish(start("studio", "--port", 0, "--folder", tmp_path / "runs", "--models", model))
    assert "another studio uses the folder" in second.refusal()


def test_a_taken_port_is_one_sentence(model, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = finish(start("studio", "--port", port, "--folder", tmp_path / "runs", "--models", model))
    assert (
        outcome.refusal()
        == f"textdream: the port {port} is taken; one that is free; give --port {port + 1}, or --port 0 for any\n"
    )


@pytest.mark.parametrize(("flags", "sentence"), [
    (["--port", "70000"], "--port 70000 was given"),
    (["--port", "1.5"], "a whole number"),
    (["--host", "no.such.host.invalid"], "cannot be listened on"),
    (["--token", "short"], "--token cannot be used"),
    (["--models", ","], "--models ',' was given"),
    (["--models", "/nowhere/at/all"], "does not exist"),
    (["--index", "/nowhere/at/all"], "is no index"),
    (["--folder", "/dev/null"], "cannot be used"),
])  # fmt: skip
def test_bad_flags_are_one_sentence(tmp_path, flags, sentence):
    base = [] if "--port" in flags else ["--port", "0"]
    base += [] if "--folder" in flags else ["--folder", str(tmp_path / "runs")]
    assert sentence in finish(start("studio", *base, *flags)).refusal()


def test_another_address_asks_for_a_token(model, tmp_path):
    with studio(model, tmp_path / "runs", "--host", "0.0.0.0") as (process, page):
        line = process.stdout.readline()
        found = re.search(r"http://0\.0\.0\.0:(\d+)(/enter\?key=\S+)", line)
        assert found
        page = Page(f"http://127.0.0.1:{found[1]}")
        assert page.get("/api/about").status_code == 401
        assert page.get(found[2], follow_redirects=True).status_code == 200
        assert page.get("/api/about").status_code == 200


def test_it_says_how_it_ends():
    help_ = finish(start("studio", "--help")).done().out
    assert "exit code 0" in " ".join(help_.split())
