"""What a figure hands out: its picture as SVG and PNG, its data as CSV."""

import csv
import re
import struct
from base64 import b64encode
from collections import Counter
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

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


WORDS = """(root) => {
    // What lets nothing out: a frame on the page, a clip-path in a picture.
    const clip = (one) => {
        if (one instanceof SVGElement) {
            const path = /#([^)"]+)/.exec(one.getAttribute("clip-path") ?? "");
            if (!path) return one instanceof SVGSVGElement ? one.getBoundingClientRect() : null;
            const rect = document.getElementById(path[1]).firstElementChild;
            const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
            return { left: x, top: y, right: x + width, bottom: y + height };
        }
        const style = getComputedStyle(one);
        if (style.display === "inline" || (style.overflow === "visible" && !style.contain.includes("paint"))) return null;
        const rect = one.getBoundingClientRect();
        const [left, top] = [rect.left + one.clientLeft, rect.top + one.clientTop];
        return { left, top, right: left + one.clientWidth, bottom: top + one.clientHeight };
    };
    const home = root.getBoundingClientRect();
    const words = [];
    const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
        const parent = nodes.currentNode.parentElement;
        if (parent.closest("[data-no-picture], .unseen, title, style")) continue;
        for (const match of nodes.currentNode.data.matchAll(/\\S+/g)) {
            const range = document.createRange();
            range.setStart(nodes.currentNode, match.index);
            range.setEnd(nodes.currentNode, match.index + match[0].length);
            let { left, top, right, bottom } = range.getBoundingClientRect();
            if (left === right) continue;
            for (let one = parent; one && root.contains(one); one = one.parentElement) {
                const area = clip(one);
                if (!area) continue;
                [left, top] = [Math.max(left, area.left), Math.max(top, area.top)];
                [right, bottom] = [Math.min(right, area.right), Math.min(bottom, area.bottom)];
            }
            const [wide, high] = [right - left, bottom - top];
            words.push([match[0], wide, high, (left + right) / 2 - home.left, (top + bottom) / 2 - home.top]);
        }
    }
    return words;
}"""
"""Each word below an element: what of it can be seen, as width, height and middle, in pixels from the element's corner."""


def check_as_seen(page, title, content, tmp_path):
    """The words of the picture are those that can be seen in the figure, where they stand."""
    file = tmp_path / "picture.svg"
    file.write_bytes(content)
    other = page.context.new_page()
    other.goto(file.as_uri())
    drawn = other.evaluate(f"({WORDS})(document.documentElement)")
    other.close()
    stands = page.get_by_role("figure", name=title, exact=True).evaluate(WORDS)
    for given, wanted in [(drawn, stands), (stands, drawn)]:
        # A word of which next to nothing can be seen may be seen or not.
        for word, wide, high, x, y in given:
            assert min(wide, high) < 2 or any(
                word == other and abs(x - x2) < 12 and abs(y - y2) < 12 for other, _, _, x2, y2 in wanted
            ), (title, word, x, y)
    return drawn


@pytest.mark.parametrize("name", KINDS)
def test_svg_is_a_picture_of_its_own(show, name, tmp_path):
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
        check_as_seen(page, title, content, tmp_path)
        box = figure.bounding_box()
        assert float(root.get("width")) == pytest.approx(box["width"], abs=1)
        assert float(root.get("height")) == pytest.approx(box["height"], abs=1)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("place", [0, 47, 99])
def test_of_a_list_that_scrolls_the_picture_has_the_rows_in_sight(show, tmp_path, place, width):
    dream = result("annealing")
    steps = [dream.steps[at % 6].model_copy(update={"step": at}) for at in range(100)]
    page = show({"dream.json": dream.model_copy(update={"steps": steps})}, f"#0:step={place}")
    page.set_viewport_size({"width": width, "height": 900})
    rows = page.get_by_role("listbox", name="Steps")
    expect(rows.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", str(place + 1))
    drawn = check_as_seen(page, "Step by step", saved(page, "Step by step", "SVG")[1], tmp_path)
    words = Counter(word for word, *_ in drawn)
    assert words["[CLS]"] == 0
    numbers = {int(word) for word in words if word.isdigit()}
    assert place in numbers
    assert len(numbers) < 25


def test_what_stays_while_cells_scroll_is_over_them(show, tmp_path):
    """The names of a table's rows hide the cells that have gone below them."""
    page = show({"map.json": result("token-map")})
    page.set_viewport_size({"width": 390, "height": 900})
    grid = page.get_by_role("grid")
    grid.evaluate("grid => { grid.parentElement.scrollLeft = 90 }")
    names = grid.get_by_role("rowheader").all_inner_texts()
    file = tmp_path / "picture.svg"
    file.write_bytes(saved(page, "Map of all positions", "SVG")[1])
    picture = page.context.new_page()
    picture.goto(file.as_uri())
    on_top = picture.evaluate("""() => [...document.querySelectorAll("text")].filter((one) => {
        const { left, right, top, bottom } = one.getBoundingClientRect();
        return document.elementFromPoint((left + right) / 2, (top + bottom) / 2) === one;
    }).map((one) => one.textContent)""")
    assert not Counter(" ".join(names).split()) - Counter(on_top)


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
