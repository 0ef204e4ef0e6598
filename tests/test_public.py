import subprocess
import sys

import pytest

import textdream

NAMES = [
    "AnnealConfig", "ClassifyConfig", "Concept", "ConceptConfig", "ConceptFit", "CorpusTopConfig", "DiagnoseConfig",
    "Dream", "DreamConfig", "FillMaskConfig", "GcgConfig", "HotflipConfig", "InputError", "Model", "ModelError",
    "NeuronsConfig", "Objective", "ReconstructConfig", "Reconstruction", "ResultError", "ShiftAudit", "ShiftAuditConfig",
    "ShiftConfig", "Shifting", "SimilarConfig", "SweepConfig", "TextdreamError", "TokenSearchConfig", "__version__",
    "channel", "concept_classify", "concept_fit", "corpus_top", "diagnose", "diagnose_dream", "direction", "dream",
    "examples_of", "fill_mask", "layer", "load", "log_probability", "logit", "logit_difference", "neuron", "neurons",
    "normalised", "pair_preset", "read_concept", "read_pair", "read_result", "reconstruct", "shift", "shift_audit",
    "similar", "token_search", "verify", "write_result",
]  # fmt: skip


def test_the_public_names_are_these_and_sorted():
    assert textdream.__all__ == NAMES
    assert sorted(textdream.__all__) == textdream.__all__
    assert dir(textdream) == textdream.__all__


@pytest.mark.parametrize("name", NAMES)
def test_each_is_there(name):
    assert getattr(textdream, name) is not None


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = textdream.nonsense


@pytest.mark.parametrize("module", ["textdream", "textdream.records", "textdream.configs", "textdream.errors",
                                    "textdream.report", "textdream.report.terminal", "textdream.cli"])  # fmt: skip
def test_importing_loads_neither_torch_nor_transformers(module):
    code = f"import sys, {module}; print({{'torch', 'transformers', 'numpy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_reading_a_result_needs_no_torch(bert, tmp_path):
    path = tmp_path / "r.json"
    textdream.write_result(textdream.similar(bert, "the cat sat", textdream.neuron(1, 2), word="cat"), path)
    code = (
        f"import sys, textdream; textdream.read_result({str(path)!r}).show(); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "cat" in done.stdout


def test_errors_have_one_base():
    for error in (textdream.InputError, textdream.ModelError, textdream.ResultError):
        assert issubclass(error, textdream.TextdreamError)
    error = textdream.InputError("a was given", "b", "do c")
    assert str(error) == "a was given; b; do c"
