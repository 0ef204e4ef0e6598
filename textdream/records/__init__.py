"""What is written down: result records, their JSON Schema, and files that are whole or absent."""

from textdream.records.diagnose import (
    ControlPaths,
    DiagnoseResult,
    Explanation,
    Finding,
    PositionDiagnosis,
    TokenPath,
)
from textdream.records.dream import Baseline, Certificate, CorpusStart, Counterexample, DreamResult, Step, TopToken
from textdream.records.files import check_writable, json_schema, read_result, write_result, write_text
from textdream.records.manifest import CorpusFile, CorpusInfo, Manifest, Skipped
from textdream.records.neurons import NeuronsResult, NeuronValue
from textdream.records.reconstruct import LayerReconstruction, LensInfo, ReconstructResult, Rival, Substitute, Synonyms
from textdream.records.result import SCHEMA, BareSample, ModelInfo, Result, Sample, Target
from textdream.records.sentences import Sentence, ShadedSentence
from textdream.records.shift import ShiftDirection, ShiftResult, ShiftRun, ShiftSource
from textdream.records.tokens import (
    NeighbourValue,
    PairValue,
    PositionTokens,
    SimilarResult,
    TokenSearchResult,
    TokenValue,
)
from textdream.records.top import Agreement, Band, CorpusTopResult, Histogram, Measure, Standing

__all__ = [
    "SCHEMA",
    "Agreement",
    "Band",
    "BareSample",
    "Baseline",
    "Certificate",
    "ControlPaths",
    "CorpusFile",
    "CorpusInfo",
    "CorpusStart",
    "CorpusTopResult",
    "Counterexample",
    "DiagnoseResult",
    "DreamResult",
    "Explanation",
    "Finding",
    "Histogram",
    "LayerReconstruction",
    "LensInfo",
    "Manifest",
    "Measure",
    "ModelInfo",
    "NeighbourValue",
    "NeuronValue",
    "NeuronsResult",
    "PairValue",
    "PositionDiagnosis",
    "PositionTokens",
    "ReconstructResult",
    "Result",
    "Rival",
    "Sample",
    "Sentence",
    "ShadedSentence",
    "ShiftDirection",
    "ShiftResult",
    "ShiftRun",
    "ShiftSource",
    "SimilarResult",
    "Skipped",
    "Standing",
    "Step",
    "Substitute",
    "Synonyms",
    "Target",
    "TokenPath",
    "TokenSearchResult",
    "TokenValue",
    "TopToken",
    "check_writable",
    "json_schema",
    "read_result",
    "write_result",
    "write_text",
]
