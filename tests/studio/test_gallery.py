from __future__ import annotations

import pytest

from tests.studio.serving import serving, studio_on
from textdream.studio.runs import Run


@pytest.fixture(scope="module")
def url(loaded, tmp_path_factory):
    """A studio with 1,000 runs of before."""
    folder = tmp_path_factory.mktemp("gallery") / "runs"
    folder.mkdir()
    for number in range(1000):
        id_ = f"20261126-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}-{number:06}"
        run = Run(id=id_, experiment="dream" if number % 2 else "shift", model="tiny" if number % 3 else "masked",
                  settings={}, state="done" if number % 5 else "stopped", text=f"text {number}",
                  created=f"2026-{number:05}")  # fmt: skip
        (folder / f"{id_}.run.json").write_text(run.to_json())
    with serving(studio_on(folder, loaded)) as address:
        yield address


def found(page, **params):
    answer = page.get("/api/runs", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_newest_first_a_page_at_a_time(page):
    first = found(page)
    assert (first["total"], first["offset"], first["limit"], len(first["runs"])) == (1000, 0, 50, 50)
    assert [run["text"] for run in first["runs"][:2]] == ["text 999", "text 998"]
    assert [run["text"] for run in found(page, offset=990, limit=200)["runs"]] == [
        f"text {n}" for n in range(9, -1, -1)
    ]
    assert found(page, offset=1000)["runs"] == []


def test_filters_work_together(page):
    assert found(page, experiment="dream")["total"] == 500
    assert found(page, model="masked")["total"] == 334
    assert found(page, state="stopped")["total"] == 200
    assert found(page, state=["stopped", "done"])["total"] == 1000
    assert found(page, experiment="shift", state="done", search="778 TEXT")["total"] == 1
    assert found(page, experiment="dream", state="done", search="778 TEXT")["total"] == 0
    assert found(page, search="999")["runs"][0]["text"] == "text 999"


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 201}, {"offset": -1}, {"limit": "many"}, {"state": "asleep"}]
)
def test_what_cannot_be_asked_is_refused(page, params):
    answer = page.get("/api/runs", params=params)
    assert answer.status_code == 422
    assert answer.json()["where"].partition(".")[0] == next(iter(params))
