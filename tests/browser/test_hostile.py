"""Results that were made to do harm: nothing of them runs, all of it is text."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from tests.browser.pages import KINDS, check_fits, put_in, result

HARM = "window.harm = (window.harm ?? 0) + 1"
HOSTILE = [
    f"</script><script>{HARM}</script>",
    f"<img src=x onerror='{HARM}'>",
    f"<svg onload=\"{HARM}\"></svg><iframe srcdoc='<script>parent.{HARM}</script>'></iframe>",
    f'"><b onmouseover="{HARM}">"\'`${{{HARM}}}{{{{{HARM}}}}}{{@html {HARM}}}',
    "one\u2028two\u2029three\r\nfour\x00five",
    "\u202egnp.exe\u202c \u200f\u05d0\u05d1\u2067",
    f"javascript:{HARM}",
    "W" * 5000,
    "]]><!--<script>--&lt;&#60;\\u003c",
]
WORDS = {"token", "text", "name", "note", "word", "positive", "negative", "description", "explanation"}
"""Keys whose texts a view may draw."""


def poisoned(value: Any, key: str = "", number: Iterator[int] | None = None) -> Any:
    """The same with every text replaced that comes out of a model or a file, each by one of its own."""
    number = count() if number is None else number
    if isinstance(value, dict):
        return {name: poisoned(one, name, number) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, "token" if key == "tokens" else key, number) for one in value]
    if isinstance(value, str) and key in WORDS:
        place = next(number)
        return f"{HOSTILE[place % len(HOSTILE)]} {place}"
    return value


def elements(page) -> dict[str, int]:
    """How many elements of each kind that could load or run something, and handlers, the page has."""
    return page.evaluate("""() => {
        const all = [...document.querySelectorAll("*")];
        const count = (test) => all.filter(test).length;
        return {
            ...Object.fromEntries(["script", "img", "iframe", "object", "embed", "link", "base", "form", "b[onmouseover]"]
                .map((name) => [name, document.querySelectorAll(name).length])),
            handlers: count((one) => [...one.attributes].some(({ name }) => name.startsWith("on"))),
            links: count((one) => one.hasAttribute("href") && one.getAttribute("href").startsWith("javascript:")),
        };
    }""")


@pytest.mark.parametrize("name", KINDS)
def test_nothing_of_a_result_runs_and_all_of_it_is_text(show, name):
    clean = result(name)
    hostile = type(clean).model_validate(poisoned(json.loads(clean.to_json())))
    expected = elements(show({f"{name}.json": clean}))
    page = show({HOSTILE[1]: hostile, HOSTILE[7]: hostile}, "#all:")
    assert elements(page) == expected
    assert page.evaluate("window.harm") is None
    article = page.get_by_role("article").first
    expect(article.locator("header")).to_contain_text(HOSTILE[1])
    drawn = article.inner_text()
    assert sum(text in drawn for text in HOSTILE[:4] + HOSTILE[6:]) >= 1
    for button in article.get_by_role("button", name="show the data as a table").all():
        button.click()
    assert elements(page) == expected
    check_fits(page, 390, 1280)


def test_the_policy_refuses_what_would_run_or_ask(show, watched, stranger):
    """Were something to get in after all, the browser still would not run it, and nothing would leave the page."""
    # The browser names the image that it was asked for, though it never goes there.
    watched.provoke("Content Security Policy", "Fetch API cannot load", stranger.address)
    page = show({"dream.json": result("dream-word")})
    put_in(page, HARM)
    page.evaluate(f"""() => {{
        const button = document.createElement("button");
        button.setAttribute("onclick", "{HARM}");
        document.body.append(button);
        button.click();
        const image = document.createElement("img");
        image.src = "{stranger.address}/image";
        document.body.append(image);
        navigator.sendBeacon("{stranger.address}/beacon");
    }}""")
    with pytest.raises(Error, match="Failed to fetch"):
        page.evaluate(f"fetch('{stranger.address}/fetch')")
    page.wait_for_function("window.refused.length === 5")
    assert sorted(page.evaluate("window.refused")) == [
        "connect-src", "connect-src", "img-src", "script-src-attr", "script-src-elem",
    ]  # fmt: skip
    assert page.evaluate("window.harm") is None
    assert stranger.asked == []
