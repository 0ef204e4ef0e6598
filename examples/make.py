"""Writes the example notebooks and executes them: python examples/make.py (`make notebooks`), some minutes.

A cell that begins with # is prose. A result draws itself in a notebook, with a picture of a quarter of a megabyte. Pictures are
kept, the first ones first, while the notebook stays below LIMIT; of the other results only the text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = Path(__file__).parent
LIMIT = 500_000
"""Bytes of a notebook."""

FIRST_DREAM = (
    """# A first dream

Which text does one neuron respond to most? `minilm` is a BERT of six layers that comes as a Python package; the neuron is
number 138 of layer 4, read at the word *wheeler* of a sentence from PAIR's article.""",
    """import textdream

model = textdream.load("minilm")
target = textdream.neuron(4, 138)
text = "no wheeler for me ."
model.tokens.names(model.tokens.encode(text))""",
    """# ## One word free

Every token of the vocabulary is tried at the word. That is the answer, and its proof.""",
    """config = textdream.DreamConfig(free="word", method="sweep")
word = textdream.dream(model, text, target, config, word="wheeler")
word""",
    """# ## All words free

Gradients propose, exact evaluation decides. Twenty steps; without the certificate, which takes minutes.""",
    """config = textdream.DreamConfig(free="all", steps=20, certify=False)
sentence = textdream.dream(model, text, target, config, word="wheeler")
sentence""",
    """# What it reached over the steps, in float32 on real tokens:""",
    """for step in sentence.steps[::4]:
    print(f"{step.step:3d}  {step.hard:6.3f}  {' '.join(step.tokens[1:-1])}")""",
    """# ## A target of one's own

Objectives add, scale and compose. Here: the neuron, but not its neighbour.""",
    """both = textdream.neuron(4, 138) - 0.5 * textdream.neuron(4, 139)
result = textdream.dream(model, text, both, textdream.DreamConfig(method="sweep"), word="wheeler")
result.target.description, result.best.text, round(result.best.activation, 3), result.certificate.holds""",
    """# ## Keep it, and check it

`verify` recomputes every activation in the file with a plain Hugging Face forward pass, and tries the certificate with random
replacements.""",
    """import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "dream.json"
    textdream.write_result(word, file)
    checked = textdream.verify(file)
checked.holds, checked.mismatches""",
)

CONCEPTS = (
    """# Concepts, and what they do not prove

A concept is a vector between two words, here *he* and *she*, at every layer. Sentences that differ in nothing else are the
cleanest examples.""",
    """import textdream

model = textdream.load("minilm")
jobs = "doctor nurse teacher engineer lawyer carpenter plumber scientist librarian pilot dancer cook".split()
frames = "{} works as a {} .", "last year {} became a {} .", "everyone knew that {} was a good {} ."
positive = [frame.format("he", job) for frame in frames for job in jobs]
negative = [frame.format("she", job) for frame in frames for job in jobs]
examples = textdream.examples_of(model, positive, negative, ("he", "she"), pairs=True)
fitted = textdream.concept_fit(model, textdream.ConceptConfig(controls=5), examples=examples, out="he-she.safetensors")
fitted""",
    """# All held-out words fall to the right side, and so they do for most random directions: the two words differ so much that
nearly any direction tells them apart. The accuracy alone is no sign of a good vector. More sentences, and of more kinds, narrow
the interval; in the tutorial half of the layers pass.

## Where does another word stand?""",
    """textdream.concept_classify(model, "he-she.safetensors", "the nurse went home .", word="nurse")""",
    """# *Nurse* falls to *she*, at every layer. Read this with care: these vectors are no better than random directions (the ✗),
they were made from the words *he* and *she* alone, and nothing says that a distance along them means the same at another word.

## Moving a word

The activation of *she* is moved along the vector in layer 2, and the nearest text is looked for.""",
    """shift = textdream.ShiftConfig(word="she", concept="he-she.safetensors", layers="2", magnitudes="-5:10:5")
textdream.shift(model, "she played baseball with her friends", shift)""",
    """# Whether other words change *because of the concept* is another question: it takes many sentences and as many random
directions. `textdream shift audit` asks it, and the tutorial shows one.""",
    """from pathlib import Path

Path("he-she.safetensors").unlink()""",
)


def make(name: str, cells: tuple[str, ...]) -> None:
    """Write and execute one notebook."""
    notebook = new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    for number, source in enumerate(cells):
        prose = source.startswith("# ")
        # Only the first cell has a title; of the others the mark goes.
        text = source if number == 0 or not prose else source.removeprefix("# ")
        notebook.cells.append(new_markdown_cell(text) if prose else new_code_cell(text))
        # Ids are random by default, and every run would differ.
        notebook.cells[-1]["id"] = f"cell-{number}"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(HERE)}}).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            # Words of libraries about this machine, with its paths.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    size = 0
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        size += len(json.dumps(output))
        if size > 0.9 * LIMIT and "text/html" in output.get("data", {}):
            size -= len(json.dumps(output.data.pop("text/html")))
    notebook.metadata.pop("language_info", None)
    text = nbformat.writes(notebook) + "\n"
    if len(text.encode()) > LIMIT:
        sys.exit(f"{name}.ipynb would have {len(text.encode()):,} bytes; {LIMIT:,} at most; show less in it")
    (HERE / f"{name}.ipynb").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make("first-dream", FIRST_DREAM)
    make("concepts", CONCEPTS)
