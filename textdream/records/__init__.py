"""What is written down: result records, their JSON Schema, and files that are whole or absent."""

from textdream.records.concept import (
    ClassifiedLayer,
    ClassifyResult,
    ConceptLayer,
    ConceptManifest,
    ConceptResult,
    ConceptSentence,
    ConceptWords,
    SetAside,
    VectorInfo,
    VectorScore,
)
from textdream.records.diagnose import (
    ControlPaths,
    DiagnoseResult,
    Explanation,
    Finding,
    PositionDiagnosis,
    TokenPath,
)
from textdream.records.dream import Baseline, Certificate, CorpusStart, Counterexample, DreamResult, Step, TopToken
from textdream.records.files import check_writable, json_schema, read_result, write_bytes, write_result, write_text
from textdream.records.manifest import CorpusFile, CorpusInfo, Manifest, Skipped
from textdream.records.neurons import NeuronsResult, NeuronValue
from textdream.records.predictions import FillMaskResult, RankedProbability, TokenProbability
from textdream.records.result import SCHEMA, BareSample, ModelInfo, Result, Sample, Target
from textdream.records.sentences import Sentence, ShadedSentence
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
    "ClassifiedLayer",
    "ClassifyResult",
    "ConceptLayer",
    "ConceptManifest",
    "ConceptResult",
    "ConceptSentence",
    "ConceptWords",
    "ControlPaths",
    "CorpusFile",
    "CorpusInfo",
    "CorpusStart",
    "CorpusTopResult",
    "Counterexample",
    "DiagnoseResult",
    "DreamResult",
    "Explanation",
    "FillMaskResult",
    "Finding",
    "Histogram",
    "Manifest",
    "Measure",
    "ModelInfo",
    "NeighbourValue",
    "NeuronValue",
    "NeuronsResult",
    "PairValue",
    "PositionDiagnosis",
    "PositionTokens",
    "RankedProbability",
    "Result",
    "Sample",
    "Sentence",
    "SetAside",
    "ShadedSentence",
    "SimilarResult",
    "Skipped",
    "Standing",
    "Step",
    "Target",
    "TokenPath",
    "TokenProbability",
    "TokenSearchResult",
    "TokenValue",
    "TopToken",
    "VectorInfo",
    "VectorScore",
    "check_writable",
    "json_schema",
    "read_result",
    "write_bytes",
    "write_result",
    "write_text",
]
