"""What a page of another site, a crafted link, or a stranger's request could try: each is refused, and clearly."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, expect

from tests.browser.pages import put_in
from tests.browser.studio import DREAM, LONG, TEXT, expect_state, panel, ready

HARM = "window.harm = 1"
HTML = f"<img src=x onerror='{HARM}'></script><script>{HARM}</script>\u2028wheeler"
TRIES = {
    "a fetch that reads": "fetch('{url}/api/runs').then((answer) => answer.text())",
    "a fetch with JSON": "fetch('{url}/api/runs', {{method: 'POST', headers: {headers}, body: '{body}'}})",
    "a fetch of the script": "import('{url}/studio.js')",
    "a fetch that deletes": "fetch('{url}/api/runs/{run}', {{method: 'DELETE'}})",
}
JSON = {"Content-Type": "application/json"}
REFUSED = {
    "a name that is not ours": ("GET", "/api/about", {"Host": "evil.example"}, b"", 421, "the request is for 'evil.example'"),
    "another port's page": ("POST", "/api/runs", {**JSON, "Origin": "http://127.0.0.1:1"}, b"{}", 403, "comes from"),
    "another site": ("POST", "/api/runs", {**JSON, "Sec-Fetch-Site": "cross-site"}, b"{}", 403, "comes from another site"),
    "a form's body": ("POST", "/api/runs", {"Content-Type": "text/plain"}, b"{}", 415, "application/json"),
    "a body without end": ("POST", "/api/runs", {**JSON, "Content-Length": "10000000000"}, b"{}", 413, "too large"),
    "a body that is too large": ("POST", "/api/runs", JSON, b" " * 300_000, 413, "too large"),
    "no JSON": ("POST", "/api/runs", JSON, b"{", 400, "JSON"),
    "a path in an id": ("GET", "/api/runs/..%2f..%2f..%2fetc%2fpasswd/result", {}, b"", 404, ""),
    "a path in a path": ("GET", "/../../../../etc/passwd", {}, b"", 404, ""),
    "a folder as a model": ("GET", "/api/model?name=/etc", {}, b"", 422, "/etc"),
}  # fmt: skip


@pytest.fixture
def page(visitor, server):
    """The studio's page, ready."""
    found = visitor.open(server.address)
    ready(found)
    return found


def files(server) -> set[str]:
    return {path.name for path in server.folder.iterdir()}


@pytest.mark.parametrize("attack", TRIES)
def test_another_sites_page_neither_reads_nor_changes_anything(browser, server, page, stranger, attack):
    """What the browser itself sends for it: the right Host, the wrong Origin."""
    id_ = server.begin(page, DREAM)
    page.goto(server.run(id_))
    expect_state(page, "done")
    before = files(server)
    body = json.dumps({"experiment": "dream", "model": server.model, "settings": DREAM})
    elsewhere = browser.new_page()
    elsewhere.goto(stranger.address)
    with pytest.raises(Error, match="Failed to fetch"):
        elsewhere.evaluate(TRIES[attack].format(url=server.address, headers=json.dumps(JSON), body=body, run=id_))
    elsewhere.close()
    assert files(server) == before


def test_another_sites_form_is_refused_in_a_sentence(browser, server, stranger):
    """A form is sent without asking first: the server has to say no."""
    before = files(server)
    stranger.page = f"""<!doctype html><title>another site</title>
        <form method="post" enctype="text/plain" action="{server.address}/api/runs"><input name='{{"a":"' value='"}}'></form>"""
    elsewhere = browser.new_page()
    elsewhere.goto(stranger.address)
    with elsewhere.expect_navigation() as answer:
        elsewhere.evaluate("document.forms[0].submit()")
    assert answer.value.status == 403
    assert "comes from another site" in answer.value.json()["error"]
    elsewhere.close()
    assert files(server) == before


def test_another_sites_page_cannot_frame_it(browser, server, stranger):
    """Nobody is led to click in a page that they do not see."""
    stranger.page = f'<!doctype html><title>another site</title><iframe src="{server.address}"></iframe>'
    elsewhere = browser.new_page()
    with elsewhere.expect_console_message(lambda message: "frame-ancestors" in message.text):
        elsewhere.goto(stranger.address)
    assert elsewhere.frames[1].get_by_role("main").count() == 0
    elsewhere.close()


@pytest.mark.parametrize("attack", REFUSED)
def test_a_request_that_is_no_browsers_is_refused_in_a_sentence(server, attack):
    method, path, headers, body, status, sentence = REFUSED[attack]
    place = urlsplit(server.address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    problem = json.loads(answer.read())
    connection.close()
    assert sentence in problem["error"]
    assert "root:" not in str(problem)
    assert "Traceback" not in str(problem)


@pytest.mark.parametrize(
    "id_", ["../about", "..%2fabout", "20261126-125230-k3f9ab/../../experiments", "x" * 3000, "<b>x"]
)
@pytest.mark.parametrize("place", ["run", "compare"])
def test_a_crafted_link_is_a_sentence(visitor, server, id_, place):
    visitor.provoke("Failed to load resource")
    page = visitor.open(f"{server.address}/#{place}={id_}")
    expect(page.get_by_role("alert").first).to_be_visible()
    assert page.get_by_role("figure").count() == 0


def test_html_in_a_text_is_text_everywhere(page, visitor, server):
    text = "<u>wheeler"
    id_ = server.begin(page, {**LONG, "text": text})
    page.goto(server.run(id_))
    expect(page.get_by_role("option", selected=True)).to_be_attached()
    expect(page.get_by_role("region", name="under way").get_by_role("link")).to_contain_text(text)
    expect(page.get_by_role("main").get_by_role("heading", level=2)).to_contain_text(text)
    panel(page).get_by_role("button", name="stop, keep the best").click()
    expect_state(page, "stopped")
    assert page.locator("u").count() == 0
    page.goto(f"{server.address}/#results:search=wheeler")
    expect(page.get_by_role("main").get_by_role("listitem").filter(has_text=text)).to_be_visible()
    assert page.locator("u").count() == 0


def test_html_in_a_refusal_is_text(page, visitor):
    visitor.provoke("Failed to load resource")
    page.get_by_label("text", exact=True).fill(HTML)
    page.get_by_role("button", name="Dream", exact=True).click()
    alerts = page.get_by_role("alert")
    expect(alerts).to_have_text([re.compile("which the tokenizer does not know")] * 2)
    page.goto(f"{page.url.partition('#')[0]}#run={HTML}")
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.locator("img, iframe").count() == 0
    assert page.locator("script").count() == 1
    assert page.evaluate("window.harm") is None


def test_a_text_that_is_too_long_is_a_sentence(page, visitor, server):
    visitor.provoke("status of 422")
    page.get_by_label("text", exact=True).fill(f"{TEXT} " * 30)
    expect(page.get_by_role("alert")).to_contain_text("tokens")
    page.get_by_role("button", name="Dream", exact=True).click()
    expect(page.get_by_role("alert").last).to_contain_text("tokens")


def test_the_policy_of_the_page_refuses_what_would_run(page, visitor, stranger):
    visitor.provoke("Content Security Policy", "Fetch API cannot load")
    put_in(page, HARM)
    with pytest.raises(Error, match="Failed to fetch"):
        page.evaluate(f"fetch('{stranger.address}')")
    page.wait_for_function("window.refused.length === 2")
    assert sorted(page.evaluate("window.refused")) == ["connect-src", "script-src-elem"]
    assert page.evaluate("window.harm") is None
    assert stranger.asked == []
