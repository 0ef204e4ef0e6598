"""textdream shows what a language model dreams of.

    model = textdream.load("minilm")
    result = textdream.dream(model, "no wheeler for me .", textdream.neuron(4, 138), word="wheeler")
    print(result.best.text, result.best.activation, result.certificate.holds)

Importing this is quick: torch and transformers load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from textdream.version import __version__

if TYPE_CHECKING:
    from textdream.configs import (
        AnnealConfig,
        ClassifyConfig,
        ConceptConfig,
        CorpusTopConfig,
        DiagnoseConfig,
        DreamConfig,
        FillMaskConfig,
        GcgConfig,
        HotflipConfig,
        NeuronsConfig,
        ReconstructConfig,
        ShiftAuditConfig,
        ShiftConfig,
        SimilarConfig,
        SweepConfig,
        TokenSearchConfig,
        pair_preset,
    )
    from textdream.errors import InputError, ModelError, ResultError, TextdreamError
    from textdream.experiments.concept import ConceptFit, concept_fit
    from textdream.experiments.concept_classify import concept_classify
    from textdream.experiments.concept_examples import examples_of
    from textdream.experiments.corpus_top import corpus_top
    from textdream.experiments.diagnose import diagnose, diagnose_dream
    from textdream.experiments.dream import Dream, dream
    from textdream.experiments.fill_mask import fill_mask
    from textdream.experiments.neurons import neurons
    from textdream.experiments.reconstruct import Reconstruction, reconstruct
    from textdream.experiments.shift import Shifting, shift
    from textdream.experiments.shift_audit import ShiftAudit, shift_audit
    from textdream.experiments.similar import similar
    from textdream.experiments.token_search import token_search
    from textdream.experiments.verify import verify
    from textdream.model import Model, load
    from textdream.model.concept_file import Concept, read_concept
    from textdream.objectives import (
        Objective,
        channel,
        direction,
        layer,
        log_probability,
        logit,
        logit_difference,
        neuron,
        normalised,
    )
    from textdream.records import read_pair, read_result, write_result

_WHERE = {
    "textdream.configs": (
        "AnnealConfig", "ClassifyConfig", "ConceptConfig", "CorpusTopConfig", "DiagnoseConfig", "DreamConfig", "FillMaskConfig",
        "GcgConfig", "HotflipConfig", "NeuronsConfig", "ReconstructConfig", "ShiftAuditConfig", "ShiftConfig", "SimilarConfig",
        "SweepConfig", "TokenSearchConfig", "pair_preset",
    ),
    "textdream.errors": ("InputError", "ModelError", "ResultError", "TextdreamError"),
    "textdream.experiments.concept": ("ConceptFit", "concept_fit"),
    "textdream.experiments.concept_classify": ("concept_classify",),
    "textdream.experiments.concept_examples": ("examples_of",),
    "textdream.experiments.corpus_top": ("corpus_top",),
    "textdream.experiments.diagnose": ("diagnose", "diagnose_dream"),
    "textdream.experiments.dream": ("Dream", "dream"),
    "textdream.experiments.fill_mask": ("fill_mask",),
    "textdream.experiments.neurons": ("neurons",),
    "textdream.experiments.reconstruct": ("Reconstruction", "reconstruct"),
    "textdream.experiments.shift": ("Shifting", "shift"),
    "textdream.experiments.shift_audit": ("ShiftAudit", "shift_audit"),
    "textdream.experiments.similar": ("similar",),
    "textdream.experiments.token_search": ("token_search",),
    "textdream.experiments.verify": ("verify",),
    "textdream.model": ("Model", "load"),
    "textdream.model.concept_file": ("Concept", "read_concept"),
    "textdream.objectives": (
        "Objective", "channel", "direction", "layer", "log_probability", "logit", "logit_difference", "neuron",
        "normalised",
    ),
    "textdream.records": ("read_pair", "read_result", "write_result"),
}  # fmt: skip
_HOME = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "AnnealConfig",
    "ClassifyConfig",
    "Concept",
    "ConceptConfig",
    "ConceptFit",
    "CorpusTopConfig",
    "DiagnoseConfig",
    "Dream",
    "DreamConfig",
    "FillMaskConfig",
    "GcgConfig",
    "HotflipConfig",
    "InputError",
    "Model",
    "ModelError",
    "NeuronsConfig",
    "Objective",
    "ReconstructConfig",
    "Reconstruction",
    "ResultError",
    "ShiftAudit",
    "ShiftAuditConfig",
    "ShiftConfig",
    "Shifting",
    "SimilarConfig",
    "SweepConfig",
    "TextdreamError",
    "TokenSearchConfig",
    "__version__",
    "channel",
    "concept_classify",
    "concept_fit",
    "corpus_top",
    "diagnose",
    "diagnose_dream",
    "direction",
    "dream",
    "examples_of",
    "fill_mask",
    "layer",
    "load",
    "log_probability",
    "logit",
    "logit_difference",
    "neuron",
    "neurons",
    "normalised",
    "pair_preset",
    "read_concept",
    "read_pair",
    "read_result",
    "reconstruct",
    "shift",
    "shift_audit",
    "similar",
    "token_search",
    "verify",
    "write_result",
]


def __getattr__(name: str) -> Any:
    """Find a public name in the module that has it, when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'textdream' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
