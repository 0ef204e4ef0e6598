"""Every setting of every experiment: frozen dataclasses that need no torch.

The command line, the library and (later) the studio's forms are made from these and nothing else. The text
under a field is its help.
"""

from textdream.configs.concept import ClassifyConfig, ConceptConfig, ExamplesConfig
from textdream.configs.corpus import CorpusConfig
from textdream.configs.diagnose import DiagnoseConfig
from textdream.configs.dream import DreamConfig
from textdream.configs.methods import AnnealConfig, GcgConfig, HotflipConfig, SweepConfig, pair_preset
from textdream.configs.model import ModelConfig, TargetConfig
from textdream.configs.predictions import FillMaskConfig
from textdream.configs.reconstruct import ReconstructConfig
from textdream.configs.shift import ShiftConfig
from textdream.configs.shift_audit import ShiftAuditConfig
from textdream.configs.tokens import SimilarConfig, TokenSearchConfig
from textdream.configs.top import CorpusTopConfig, NeuronsConfig

__all__ = [
    "AnnealConfig",
    "ClassifyConfig",
    "ConceptConfig",
    "CorpusConfig",
    "CorpusTopConfig",
    "DiagnoseConfig",
    "DreamConfig",
    "ExamplesConfig",
    "FillMaskConfig",
    "GcgConfig",
    "HotflipConfig",
    "ModelConfig",
    "NeuronsConfig",
    "ReconstructConfig",
    "ShiftAuditConfig",
    "ShiftConfig",
    "SimilarConfig",
    "SweepConfig",
    "TargetConfig",
    "TokenSearchConfig",
    "pair_preset",
]
