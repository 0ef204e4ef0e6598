"""What a figure hands out: its picture as SVG and PNG, its data as CSV."""

import csv
import re
import struct
from base64 import b64encode
from collections import Counter
from xml.etree import ElementTree

import pytest

from tests.browser.pages import KINDS, result

SVG = "{http://www.w3.org/2000/svg}"
COLOURS = """async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    const counts = {};
    for (const pixel of pixels) counts[pixel] = (counts[pixel] ?? 0) + 1;
    return Object.values(counts).map((count) => count / pixels.length);
}"""
"""The share of each colour in a picture."""


def saved(page, title, kind):
    """What a click on one of a figure's buttons downloads: its name and its bytes."""
    what = "the data as CSV" if kind == "CSV" else f"the picture as {kind}"
    with page.expect_download() as download:
        page.get_by_role("button", name=f"{title}: save {what}", exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


IN_SIGHT = """(figure) => {
    const found = [], walker = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT), range = document.createRange();
    while (walker.nextNode()) {
        const node = walker.currentNode, parent = node.parentElement;
        if (parent.closest("[data-no-picture], .unseen, title, style")) continue;
        if (!parent.checkVisibility({ visibilityProperty: true })) continue;
        for (const match of node.data.matchAll(/\\S+/g)) {
            range.setStart(node, match.index);
            range.setEnd(node, match.index + match[0].length);
            const own = range.getBoundingClientRect();
            let [left, top, right, bottom] = [own.left, own.top, own.right, own.bottom];
            for (let one = parent; one !== figure && !parent.closest("svg"); one = one.parentElement) {
                const style = getComputedStyle(one), box = one.getBoundingClientRect();
                if (style.overflowX === "visible" && style.overflowY === "visible" && !style.contain.includes("paint")) continue;
                const [x, y] = [box.left + one.clientLeft, box.top + one.clientTop];
                [left, top] = [Math.max(left, x), Math.max(top, y)];
                [right, bottom] = [Math.min(right, x + one.clientWidth), Math.min(bottom, y + one.clientHeight)];
            }
            if (right > left && bottom > top) found.push(match[0]);
        }
    }
    return found;
}"""


def seen(figure) -> str:
    """The letters in sight in a figure: not those on its tools, nor those that are only heard, nor what is scrolled away."""
    return "".join(figure.evaluate(IN_SIGHT))


def drawn(root) -> Counter[str]:
    """The letters of a picture."""
    return Counter("".join("".join(one.text or "" for one in root.iter(f"{SVG}text")).split()))


@pytest.mark.parametrize("name", KINDS)
def test_svg_is_a_picture_of_its_own(show, name):
    """It opens everywhere: nothing foreign is in it, and nothing has to be fetched."""
    page = show({f"{name}.json": result(name)})
    for title in KINDS[name]:
        file, content = saved(page, title, "SVG")
        assert re.fullmatch(r"[a-z0-9-]+\.svg", file)
        root = ElementTree.fromstring(content)
        assert root.tag == f"{SVG}svg"
        allowed = {"svg", "g", "rect", "line", "path", "circle", "text", "tspan", "title", "polygon", "defs", "clipPath",
                   "pattern"}  # fmt: skip
        assert {one.tag.removeprefix(SVG) for one in root.iter()} <= allowed
        for one in root.iter():
            for attribute, value in one.attrib.items():
                assert not attribute.endswith(("href", "src"))
                assert not attribute.startswith("on")
                assert "url(" not in value or "url(#" in value or 'url("#' in value
        figure = page.get_by_role("figure", name=title, exact=True)
        assert Counter(seen(figure)) == drawn(root), title
        box = figure.bounding_box()
        assert float(root.get("width")) == pytest.approx(box["width"], abs=1)
        assert float(root.get("height")) == pytest.approx(box["height"], abs=1)


@pytest.mark.parametrize(("name", "theme"), [("annealing", "light"), ("token-map", "dark"), ("corpus", "light")])
def test_png_has_twice_the_size_and_is_not_blank(show, browser, name, theme):
    page = show({f"{name}.json": result(name)})
    page.emulate_media(color_scheme=theme)
    blank = browser.new_page()
    for title in KINDS[name]:
        file, content = saved(page, title, "PNG")
        assert file.endswith(".png")
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        box = page.get_by_role("figure", name=title, exact=True).bounding_box()
        assert struct.unpack(">II", content[16:24]) == pytest.approx((2 * box["width"], 2 * box["height"]), abs=2)
        shares = blank.evaluate(COLOURS, f"data:image/png;base64,{b64encode(content).decode()}")
        assert len(shares) > 20
        assert max(shares) < 0.995
    blank.close()


def test_what_is_scrolled_away_is_not_drawn(show):
    """A dream opens at its last step: the rows before and behind those in sight lie outside the list's frame."""
    dream = result("annealing")
    steps = [dream.steps[number % len(dream.steps)].model_copy(update={"step": number}) for number in range(100)]
    page = show({"dream.json": dream.model_copy(update={"steps": steps})})
    figure = page.get_by_role("figure", name="Step by step", exact=True)
    for position in (0, 1500, 10**6):
        figure.get_by_role("listbox").evaluate(f"(list) => list.scrollTop = {position}")
        page.wait_for_timeout(100)
        content = saved(page, "Step by step", "SVG")[1]
        letters = Counter(seen(figure))
        assert letters == drawn(ElementTree.fromstring(content))
        assert letters != Counter("".join(figure.inner_text().split()))


def rows_of(content: bytes) -> list[list[str]]:
    """A CSV file as spreadsheets read it."""
    assert content.startswith(b"\xef\xbb\xbf"), "without the mark, spreadsheets take it for Latin-1"
    return list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True), strict=True))


def test_csv_has_all_rows_however_many_the_table_shows(show):
    dream = result("annealing")
    steps = [dream.steps[place % 6].model_copy(update={"step": place}) for place in range(1000)]
    page = show({"dream.json": dream.model_copy(update={"steps": steps})})
    page.get_by_role("button", name="Step by step: show the data as a table").click()
    table = page.get_by_role("region", name="Step by step: data")
    assert table.get_by_role("row").count() == 1 + 200
    assert "The first 200 of 1000 rows" in table.inner_text()
    head, *rows = rows_of(saved(page, "Step by step", "CSV")[1])
    assert head == ["step", "phase", "text", "activation", "soft activation", "temperature", "note"]
    assert [int(row[0]) for row in rows] == list(range(1000))
    for row, step in zip(rows, steps, strict=True):
        assert float(row[3]) == step.hard
        assert (float(row[4]) if row[4] else None) == step.soft


@pytest.mark.parametrize("name", KINDS)
def test_csv_of_every_figure_is_a_table(show, name):
    page = show({f"{name}.json": result(name)})
    for title in KINDS[name]:
        head, *rows = rows_of(saved(page, title, "CSV")[1])
        assert rows
        assert all(head)
        assert {len(row) for row in rows} == {len(head)}


def test_csv_holds_no_formula_and_comes_back_as_it_was(show):
    formulas = ['=HYPERLINK("//x",1)', "+1", "-2+3", "@SUM(A1)", "\tx", "\r=1"]
    tokens = [*formulas, 'a "quote", a comma', "two\nlines", "−1"]
    search = result("token-map")
    best = [one.model_copy(update={"token": token}) for one, token in zip(search.tokens * 3, tokens, strict=False)]
    page = show({"map.json": search.model_copy(update={"tokens": best, "map": [], "worst": []})})
    title = KINDS["token-map"][2]
    head, *rows = rows_of(saved(page, title, "CSV")[1])
    assert len(rows) == len(tokens)
    for row, token in zip(rows, tokens, strict=True):
        assert row[head.index("token")] == ("'" if token in formulas else "") + token
        assert row[head.index("text")][:1] not in tuple("=+-@\t\r")
        float(row[head.index("activation")])
