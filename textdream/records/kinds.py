"""All kinds of result, told apart by their `type`."""

from typing import Annotated

from pydantic import Field

from textdream.records.concept import ClassifyResult, ConceptResult
from textdream.records.diagnose import DiagnoseResult
from textdream.records.dream import DreamResult
from textdream.records.neurons import NeuronsResult
from textdream.records.predictions import FillMaskResult
from textdream.records.reconstruct import ReconstructResult
from textdream.records.shift import ShiftResult
from textdream.records.shift_audit import ShiftAuditResult
from textdream.records.tokens import SimilarResult, TokenSearchResult
from textdream.records.top import CorpusTopResult

AnyResult = Annotated[
    DreamResult
    | TokenSearchResult
    | SimilarResult
    | DiagnoseResult
    | CorpusTopResult
    | NeuronsResult
    | FillMaskResult
    | ConceptResult
    | ClassifyResult
    | ReconstructResult
    | ShiftResult
    | ShiftAuditResult,
    Field(discriminator="type"),
]
