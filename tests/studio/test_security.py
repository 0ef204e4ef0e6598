"""Each attack that a web page, or a stranger on the network, could try."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.studio.serving import DREAM, Page, serving, studio_on
from textdream.studio.security import BODY, Access, is_loopback

RUN = json.dumps({"experiment": "dream", "model": "tiny", "settings": DREAM}).encode()
JSON = {"Content-Type": "application/json"}


def ask(url: str, method: str = "GET", path: str = "/api/about", headers: dict | None = None, body: bytes = b""):
    """A request with exactly these headers; (status, headers, JSON or None)."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    given = {"Host": place.netloc, **(headers or {})}
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        connection.putheader(name, value)
    if body and "Content-Length" not in given:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    kind = answer.headers.get("content-type", "")
    return answer.status, answer.headers, json.loads(content) if kind == "application/json" and content else None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "192.168.1.5",
                                  "0.0.0.0:{port}", "", "localhost@evil.example", "[::2]:{port}"])  # fmt: skip
def test_a_name_that_is_not_ours_is_refused(url, host):
    """DNS rebinding: a name of the attacker's that points here."""
    status, _, problem = ask(url, headers={"Host": host.format(port=urlsplit(url).port)})
    assert status == 421
    assert problem["error"].startswith("the request is for")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_our_own_names_are_served(url, name):
    assert ask(url, headers={"Host": f"{name}:{urlsplit(url).port}"})[0] == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "https://127.0.0.1:1"}, {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "nonsense"},
])  # fmt: skip
@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/api/runs"), ("DELETE", "/api/runs/20261126-125230-k3f9ab"), ("POST", "/api/tokens"),
    ("POST", "/api/runs/20261126-125230-k3f9ab/stop"),
])  # fmt: skip
def test_what_changes_something_does_not_come_from_another_site(url, headers, method, path):
    status, _, problem = ask(url, method, path, {**JSON, **headers}, RUN)
    assert status == 403
    assert "comes from" in problem["error"]


def test_the_page_itself_is_served(url):
    headers = {**JSON, "Origin": url, "Sec-Fetch-Site": "same-origin"}
    assert ask(url, "POST", "/api/tokens", headers, b'{"model": "tiny", "text": "the cat"}')[0] == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
def test_a_body_is_json(url, kind):
    """What a form of another site could send without asking."""
    headers = {} if kind is None else {"Content-Type": kind}
    status, _, problem = ask(url, "POST", "/api/runs", headers, RUN)
    assert status == 415
    assert "application/json" in problem["error"]


@pytest.mark.parametrize("body", [b"{", b"", b"[1, 2", b"nonsense", b"\xff\xfe", b'{"a": "\\ud800"}'])
def test_a_body_that_is_no_json_is_refused(url, body):
    assert ask(url, "POST", "/api/runs", JSON, body)[0] == 400


def test_a_body_is_bounded_whether_it_says_its_length_or_not(url):
    status, _, problem = ask(url, "POST", "/api/tokens", {**JSON, "Content-Length": str(BODY + 1)})
    assert status == 413
    assert "too large" in problem["error"]
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert ask(url, "POST", "/api/tokens", {**JSON, "Transfer-Encoding": "chunked"}, chunk * 5 + b"0\r\n\r\n")[0] == 413


@pytest.mark.parametrize(
    "path", ["/", "/studio.js", "/studio.css", "/api/about", "/api/runs", "/openapi.json", "/nothing"]
)
def test_every_answer_has_the_strict_headers(url, path):
    _, headers, _ = ask(url, path=path)
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
                 "base-uri 'none'", "form-action 'none'"):  # fmt: skip
        assert part in policy.split("; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_refusals_have_the_headers_too(url):
    assert "content-security-policy" in ask(url, headers={"Host": "evil.example"})[1]


@pytest.mark.parametrize("path", [
    "/../pyproject.toml", "/..%2f..%2fetc/passwd", "/assets/studio.js", "/studio.html", "/api/runs/..%2f..%2fetc%2fpasswd/result",
    "/api/runs/20261126-125230-k3f9ab%00/result", "/api/runs/%2e%2e/download", "/docs", "/static/../../x",
])  # fmt: skip
def test_no_path_reaches_the_file_system(url, path):
    assert ask(url, path=path)[0] in (404, 422)


@pytest.mark.parametrize(("experiment", "settings"), [
    ("dream", {**DREAM, "target": {"layer": 1, "position": "3", "direction": "/etc/passwd"}}),
    ("dream", {**DREAM, "target": {"layer": 1, "position": "3", "direction": "../x.safetensors:logistic"}}),
    ("dream", {**DREAM, "search": {"from_corpus": "/etc"}}),
    ("shift", {"text": "he ran", "search": {"word": "he", "concept": "/etc/passwd"}}),
    ("concept-classify", {"concept": "../../etc/passwd", "text": "he ran", "word": "he"}),
    ("concept-fit", {"text": "/etc/passwd", "search": {"swap": "he=she"}}),
    ("concept-fit", {"search": {"pairs": "/etc/passwd", "word_positive": "he", "word_negative": "she"}}),
    ("neurons", {"text": "he ran", "word": "he", "search": {"index": "/etc"}}),
    ("corpus-top", {"index": "/etc", "search": {"layer": 1, "neuron": 1}}),
    ("reconstruct", {"text": "he ran", "search": {"corpus": "/etc/passwd"}}),
    ("diagnose", {"dream": "../../etc/passwd"}),
])  # fmt: skip
def test_settings_name_no_files(page, studio, experiment, settings):
    before = {path.name for path in studio.store.folder.iterdir()}
    sentence = page.refused(experiment, settings)
    assert "root:" not in sentence
    assert str(studio.store.folder) not in sentence
    assert {path.name for path in studio.store.folder.iterdir()} == before, "nothing of a refused run stays"


@pytest.mark.parametrize("model", ["/etc", "../x", "bert-base-uncased", "minilm", ""])
def test_only_models_that_were_allowed_are_named(page, model):
    assert page.begin(model=model).status_code == 422
    assert page.get("/api/model", params={"name": model}).status_code == 422


def test_a_loopback_address_is_known():
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "127.8.8.8")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.5", "::", "example.com", "127.0.0.1.example")))


@pytest.fixture(scope="module")
def guarded(loaded, tmp_path_factory):
    """(address, access) of a studio that asks for a token."""
    studio = studio_on(tmp_path_factory.mktemp("guarded") / "runs", loaded)
    access = Access("0.0.0.0", "the-right-token")
    with serving(studio, access) as url:
        yield url, access


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer wrong"}, {"Authorization": "the-right-token"}, {"Cookie": "textdream-studio=wrong"},
    {"Authorization": "Bearer the-right-tokeX"},
])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/api/about", "/openapi.json", "/studio.js", "/nothing"])
def test_without_the_token_nothing_is_served(guarded, headers, path):
    status, found, problem = ask(guarded[0], path=path, headers=headers)
    assert status == 401
    assert found["www-authenticate"].startswith("Bearer")
    assert "the-right-token" not in json.dumps(problem)


def test_with_the_token_all_is(guarded):
    assert Page(guarded[0], headers={"Authorization": "Bearer the-right-token"}).get("/api/about").status_code == 200


def test_the_printed_address_lets_one_browser_in_once(guarded):
    url, access = guarded
    heard: list[str] = []
    access.heard = heard.append
    key = access.key
    page = Page(url)
    entered = page.get("/enter", params={"key": key}, follow_redirects=False)
    assert entered.status_code == 303
    assert entered.headers["location"] == "/"
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in entered.headers["set-cookie"]
    assert page.get("/api/about").status_code == 200
    assert Page(url).get("/enter", params={"key": key}).status_code == 401
    assert heard == [access.key]
    assert access.key != key


def test_beyond_loopback_an_address_is_served_and_a_foreign_name_is_not(guarded):
    url, _ = guarded
    port = urlsplit(url).port
    token = {"Authorization": "Bearer the-right-token"}
    assert ask(url, headers={**token, "Host": f"192.168.1.5:{port}"})[0] == 200
    assert ask(url, headers={**token, "Host": f"evil.example:{port}"})[0] == 421


def test_a_token_does_not_open_the_door_to_other_sites(guarded):
    headers = {"Authorization": "Bearer the-right-token", "Origin": "http://evil.example", **JSON}
    assert ask(guarded[0], "POST", "/api/runs", headers, RUN)[0] == 403
