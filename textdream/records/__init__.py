"""What is written down: result records, their JSON Schema, and files that are whole or absent."""

from textdream.records.diagnose import (
    ControlPaths,
    DiagnoseResult,
    Explanation,
    Finding,
    PositionDiagnosis,
    TokenPath,
)
from textdream.records.dream import Certificate, Counterexample, DreamResult, Step, TopToken
from textdream.records.files import check_writable, json_schema, read_result, write_result, write_text
from textdream.records.manifest import CorpusFile, CorpusInfo, Manifest, Skipped
from textdream.records.result import SCHEMA, ModelInfo, Result, Sample, Target
from textdream.records.tokens import (
    NeighbourValue,
    PairValue,
    PositionTokens,
    SimilarResult,
    TokenSearchResult,
    TokenValue,
)

__all__ = [
    "SCHEMA",
    "Certificate",
    "ControlPaths",
    "CorpusFile",
    "CorpusInfo",
    "Counterexample",
    "DiagnoseResult",
    "DreamResult",
    "Explanation",
    "Finding",
    "Manifest",
    "ModelInfo",
    "NeighbourValue",
    "PairValue",
    "PositionDiagnosis",
    "PositionTokens",
    "Result",
    "Sample",
    "SimilarResult",
    "Skipped",
    "Step",
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
