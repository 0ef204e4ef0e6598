"""What the README shows is run, and has to come out as shown."""

import doctest
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def run(source, name):
    test = doctest.DocTestParser().get_doctest(source, {}, name, name, 0)
    assert test.examples
    output: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test, out=output.append)
    assert not output, "".join(output)


def blocks():
    return [
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
        if ">>>" in block
    ]


def test_the_readme_shows_the_library():
    assert blocks()


@pytest.mark.parametrize("block", blocks(), ids=range(len(blocks())))
def test_the_readme(block):
    run(block, "README.md")
