"""What runs go through: set aside and taken up again, stopped, waiting for others, left behind by a killed server."""

import signal

from playwright.sync_api import expect

from tests.browser.conftest import watching
from tests.browser.studio import DREAM, LONG, expect_state, panel, ready, serving
from textdream.records import read_result

WRITTEN = """async (id) => {
    const look = async () => {
        const answer = await fetch(`/api/runs/${id}/result`);
        return answer.ok && (await answer.json()).steps.length > 0;
    };
    while (!await look()) await new Promise(requestAnimationFrame);
}"""
"""Until steps of a run are on the disk."""


def steps_of(page) -> int:
    """How many steps are drawn."""
    last = page.get_by_role("option", selected=True)
    expect(last).to_be_attached()
    return int(last.get_attribute("aria-setsize"))


def test_pause_resume_and_stop_keep_the_best(visitor, server):
    page = visitor.open(server.address)
    ready(page)
    id_ = server.begin(page, LONG)
    page.goto(server.run(id_))
    steps_of(page)
    panel(page).get_by_role("button", name="pause").click()
    expect_state(page, "paused")
    # While it is set aside another has the model.
    second = visitor.open(server.run(server.begin(page, DREAM)))
    expect_state(second, "done")
    expect_state(page, "paused")
    before = steps_of(page)
    panel(page).get_by_role("button", name="resume").click()
    expect_state(page, "running")
    page.wait_for_function(
        "before => Number(document.querySelector('[role=option]')?.ariaSetSize) > before", arg=before
    )
    panel(page).get_by_role("button", name="stop, keep the best").click()
    expect_state(page, "stopped, the best is kept")
    expect(page.get_by_text("It was interrupted: this is what it had reached.")).to_be_visible()
    dream = read_result(server.folder / f"{id_}.json")
    assert dream.interrupted
    assert len(dream.steps) > before
    assert dream.best.activation >= max(dream.start.activation, *(step.hard for step in dream.steps))
    expect(page.get_by_role("option", selected=True)).to_have_attribute("aria-setsize", str(len(dream.steps)))


def test_two_people_are_served_in_turns(visitor, other, server):
    mine, theirs = visitor.open(server.address), other.open(server.address)
    ready(mine)
    ready(theirs)
    first = server.begin(mine, LONG)
    mine.goto(server.run(first))
    expect_state(mine, "running")
    second, third = (server.begin(mine, DREAM) for _ in range(2))
    guest = server.begin(theirs, DREAM)
    under_way = mine.get_by_role("region", name="under way").get_by_role("link")
    expect(under_way).to_have_count(4)
    order = [link.get_attribute("href").removeprefix("#run=") for link in under_way.all()]
    assert order == [first, guest, second, third]
    theirs.goto(server.run(guest))
    expect_state(theirs, "next in the queue")
    panel(mine).get_by_role("button", name="stop, keep the best").click()
    expect_state(theirs, "done")
    mine.goto(server.run(third))
    expect_state(mine, "done")


def test_more_pages_on_a_live_run_than_a_browser_has_connections(visitor, server):
    """Six connections to a server: seven pages, all seen at once, grow all the same, and each can ask for something."""
    page = visitor.open(server.address)
    ready(page)
    id_ = server.begin(page, LONG)
    page.goto(server.run(id_))
    pages = [page, *(visitor.open(server.run(id_)) for _ in range(6))]
    for each in pages:
        before = steps_of(each)
        each.wait_for_function(
            "before => Number(document.querySelector('[role=option]')?.ariaSetSize) > before", arg=before
        )
        expect(each.get_by_text("The connection to this run is lost")).to_have_count(0)
    panel(page).get_by_role("button", name="stop, keep the best").click()
    expect_state(page, "stopped, the best is kept")
    dream = read_result(server.folder / f"{id_}.json")
    for each in pages:
        expect_state(each, "stopped, the best is kept")
        expect(each.get_by_role("option", selected=True)).to_have_attribute("aria-setsize", str(len(dream.steps)))


def test_a_killed_server_finds_its_runs_again(browser, tiny_folder, tmp_path):
    folder = tmp_path / "runs"
    with serving(folder, tiny_folder) as server, watching(browser, server.address) as visitor:
        page = visitor.open(server.address)
        ready(page)
        done = server.begin(page, DREAM)
        page.goto(server.run(done))
        expect_state(page, "done")
        cut, waiting = server.begin(page, LONG), server.begin(page, DREAM)
        page.goto(server.run(cut))
        steps_of(page)
        page.evaluate(WRITTEN, cut)
        visitor.provoke("Failed to load resource")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        page.close()
    with serving(folder, tiny_folder) as server, watching(browser, server.address) as visitor:
        page = visitor.open(f"{server.address}/#results")
        for id_, state in [(done, "done"), (cut, "interrupted"), (waiting, "interrupted")]:
            row = page.get_by_role("main").get_by_role("listitem").filter(has=page.locator(f"a[href='#run={id_}']"))
            expect(row).to_contain_text(state)
        page.goto(server.run(cut))
        expect_state(page, "interrupted: the server ended under it")
        assert steps_of(page) > 0
        panel(page).get_by_role("button", name="continue").click()
        page.wait_for_url(lambda url: "#run=" in url and cut not in url)
        expect(panel(page)).to_contain_text("A new search from the best text that the old run had reached")
        steps_of(page)
        panel(page).get_by_role("button", name="stop, keep the best").click()
        expect_state(page, "stopped")
        page.goto(server.run(waiting))
        panel(page).get_by_role("button", name="continue").click()
        page.wait_for_url(lambda url: "#run=" in url and waiting not in url)
        expect_state(page, "done")
        expect(panel(page).get_by_role("link", name="what it continues")).to_have_attribute("href", f"#run={waiting}")
        assert steps_of(page) > 0
