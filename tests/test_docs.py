"""What the README and the docs show: Python is run and comes out as shown, commands parse, the site builds and stays at home."""

from __future__ import annotations

import doctest
import json
import re
import runpy
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cyclopts import CycloptsError, MissingArgumentError

import textdream
import textdream.cli.run
from textdream.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TUTORIAL = ROOT / "docs" / "tutorial.md"
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def name(path):
    return str(path.relative_to(ROOT))


def examples(page):
    """The Python of a page that shows what comes out, as one session."""
    blocks = [body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language == "python"]
    return "\n".join(block for block in blocks if ">>>" in block)


def commands(page):
    """Every textdream command of a page: (line, whether it stands in a block to be copied, or within a sentence)."""
    text = page.read_text(encoding="utf-8")
    # What a command printed (a block of text) is not what is typed.
    typed = [body.replace("\\\n", " ") for language, body in FENCE.findall(text) if language != "text"]
    found = [(line.strip(), True) for body in typed for line in body.splitlines()]
    # N stands for a number in sentences.
    named = re.findall(r"`(textdream [^`\n]+)`", FENCE.sub("", text))
    found += [(re.sub(r"\bN\b", "0", line), False) for line in named]
    return [(name(page), line, whole) for line, whole in found if line.startswith("textdream ")]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=name)
def test_python_comes_out_as_shown(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(examples(page), {}, name(page), name(page), 0)
    output: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=output.append)
    assert not output, "".join(output)


def test_pictures_name_their_commands():
    """A picture says which command it is of: that stands below it, and is what docs/pictures.py runs."""
    made = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
    shown = re.findall(
        r"^!\[[^\]]*\]\(pictures/([\w-]+)\.png\)\n\n(.*)$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {picture for picture, _ in shown} == set(made["SHOTS"])
    for picture, below in shown:
        assert below == f"*The picture is of* `{made['command'](picture)}`"


def test_the_tutorial_has_the_figures_of_the_benchmark():
    """Dreams against the best sentence of a corpus: every row, as benchmarks/quality.py last measured it."""
    rows = json.loads((ROOT / "benchmarks/results/quality.json").read_text(encoding="utf-8"))["rows"]
    text = TUTORIAL.read_text(encoding="utf-8")
    starts = {"corpus": "the best corpus sentence", "random": "random tokens"}
    names = {"gcg": "`gcg`, 20 steps", "anneal": "`anneal`, repaired", "hotflip": "`hotflip`",
             "pair": "PAIR's annealing, best text passed"}  # fmt: skip
    for row in rows:
        if row["free"] == "word":
            continue
        won = f"{round(row['beats_corpus'] * row['runs'])} of {row['runs']}"
        start = starts[row["start"]]
        assert f"| {start} | {names[row['method']]} | {won} | {row['median_ratio']:.2f} |\n" in text
        if row["method"] == "pair":
            last = f"{round(row['last_step_beats_corpus'] * row['runs'])} of {row['runs']}"
            assert f"| {start} | PAIR's annealing, its last step | {last} | |\n" in text


def test_the_readme_shows_the_library():
    assert examples(ROOT / "README.md")


@pytest.mark.parametrize(("page", "line", "whole"), [row for page in PAGES for row in commands(page)])
def test_commands_parse(page, line, whole):
    """Without being run: a page cannot name a flag that is not there. A sentence may leave out what is required."""
    words = shlex.split(line, comments=True)[1:]
    try:
        app.parse_args(words, exit_on_error=False, print_error=False)
    except MissingArgumentError:
        assert not whole


def test_a_flag_that_is_not_there_does_not_parse():
    with pytest.raises(CycloptsError):
        app.parse_args(["show", "a.json", "--nonsense"], exit_on_error=False, print_error=False)


def test_the_reference_names_what_is_public():
    listed = re.findall(
        r"^::: textdream\.(?:[\w.]+\.)?(\w+)$", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"), re.M
    )
    assert sorted([*listed, "__version__"]) == textdream.__all__


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebooks_are_executed_and_small(path):
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    assert path.stat().st_size < 500_000


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site. --strict: a warning, such as one of a link or an anchor that leads nowhere, is an error."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


class Requests(HTMLParser):
    """Addresses that a page fetches by itself."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [given[key] for key in ("src", "srcset", "data", "poster") if given.get(key)]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(given.get("href"))


def test_no_page_asks_another_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        requests = Requests()
        requests.feed(page.read_text(encoding="utf-8"))
        # The page of results has all it needs inside.
        assert bool(requests.found) is (page != site / "results.html"), page
        assert not [address for address in requests.found if "//" in address], page
    styles = "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.css"))
    assert not re.findall(r"url\(\W?(?:https?:)?//", styles)


def test_equations_are_drawn_without_a_script(site):
    method = (site / "method.html").read_text(encoding="utf-8")
    assert method.count("<math") > 20
    assert 'class="math"' not in method
    assert "$<code>" not in method


@pytest.mark.parametrize("kind", ["dream", "shift_audit", "fill_mask"])
def test_the_result_file_is_described(site, kind):
    page = (site / "result-file.html").read_text(encoding="utf-8")
    assert f'<h2 id="{kind}">' in page


def test_every_command_is_described(site):
    page = (site / "command-line.html").read_text(encoding="utf-8")
    assert all(f"textdream {command}" in page for command in ("dream", "corpus index", "shift audit", "concept fit"))
    assert "--from-corpus" in page
