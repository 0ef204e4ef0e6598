"""Check a result file with a plain Hugging Face forward pass that shares no code with the engine.

Only the loader and the table of where sites are serve both sides. Every activation in the file is recomputed from the
token ids alone, every text from the ids, and a certificate is tried with replacements drawn at random.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from textdream.errors import ModelError, ResultError
from textdream.experiments.audit_claims import audit_checks
from textdream.experiments.claims import Claim, claims, names
from textdream.experiments.concept_claims import concept_checks, concept_sentences, projection_claims
from textdream.experiments.corpus_claims import UnitClaim, baseline_claims, samples, sentences, unit_claims
from textdream.experiments.follows import follows, follows_from_files
from textdream.experiments.plain import plain_at_tokens, plain_values
from textdream.experiments.prediction_claims import prediction_claims
from textdream.experiments.reconstruct_claims import Check, reconstruct_checks
from textdream.experiments.shift_claims import shift_checks
from textdream.model.loading import load
from textdream.model.model import Model
from textdream.records import (
    AuditSentence,
    ConceptSentence,
    DreamResult,
    FillMaskResult,
    ReconstructResult,
    Sentence,
    ShiftAuditResult,
    ShiftResult,
    Target,
    TokenSearchResult,
    read_result,
)

# Float32 sums of the same numbers in another order, over a dozen layers.
TOLERANCE = 1e-4
BATCH = 32


@dataclass(frozen=True)
class Mismatch:
    """A value in the file that the model does not give."""

    where: str
    reported: Any
    found: Any


@dataclass
class Verification:
    """What was checked and what did not hold."""

    file: str
    checked: int = 0
    """Activations recomputed."""
    largest_difference: float = 0.0
    replacements: int = 0
    """Random replacements tried against the certificate."""
    mismatches: list[Mismatch] = field(default_factory=list)
    unchecked: str | None = None
    """What the file says that could not be checked, and why."""

    @property
    def holds(self) -> bool:
        """Whether everything in the file is as the model gives it."""
        return not self.mismatches


def verify(
    path: str | Path,
    model: Model | None = None,
    *,
    device: str = "cpu",
    replacements: int = 256,
    seed: int = 0,
) -> Verification:
    """Recompute every activation in a result file.

    Parameters
    ----------
    path
        The file.
    model
        The model, if it is not found by the name in the file.
    device
        Where the check runs.
    replacements
        How many random single replacements a certificate is tried with.
    seed
        Of those replacements.

    Raises
    ------
    ResultError
        If the file is not a result, or the model's weights are not those it was made with.
    ModelError
        If the model cannot be found.
    """
    result = read_result(path)
    if result.imported is not None:
        raise ResultError(
            f"{path} was imported from a file of PAIR's, which does not say by which weights it was made",
            "so there is nothing to check its values against",
            "run the experiment with textdream for a result that can be verified",
        )
    if model is None:
        try:
            model = load(result.model.name, device=device)
        except ModelError as error:
            raise ModelError(
                error.given, "the model that the file was made with", "give where it is as --model"
            ) from None
    if model.info.sha256 != result.model.sha256:
        raise ResultError(
            f"{path} was made with weights {result.model.sha256[:12]}…",
            f"{model.name} here has {model.info.sha256[:12]}…",
            "give the model it was made with as --model",
        )
    report = Verification(str(path))
    _check_texts(result, model, report)
    if report.mismatches:
        # Ids that do not belong to the tokens make any activation meaningless.
        return report
    try:
        searched = isinstance(result, DreamResult | TokenSearchResult) and result.best is not None
        if searched:
            _check_extent(result, model, report)
        for group in _by_length(claims(result, model)).values():
            _check_values(model, result.target, group, report)
        for where, reported, found, agree in _rebuilt_checks(result, model):
            report.checked += 1
            if not agree:
                report.mismatches.append(Mismatch(where, reported, found))
        for claim in chain(unit_claims(result), projection_claims(result)):
            _check_unit(model, claim, report)
        for where, reported, found, within in concept_checks(result, model):
            _compare(where, reported, found, report, within)
        if isinstance(result, FillMaskResult):
            for where, reported, found in prediction_claims(result, model):
                _compare(where, reported, found, report)
        if not report.mismatches:
            # What follows from a wrong number is no second fault.
            report.mismatches += [Mismatch(*found) for found in follows(result, model)]
            from_files, report.unchecked = follows_from_files(result, model, Path(path).parent)
            report.mismatches += [Mismatch(*found) for found in from_files]
        if searched and result.certificate is not None and result.certificate.holds:
            _try_certificate(result, model, replacements, random.Random(seed), report)
    except (IndexError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise ResultError(
            f"{path} has a target that {model.name} does not ({type(error).__name__}: {error})",
            "a target of that model",
            "write the file again",
        ) from None
    return report


def _by_length(claims: Iterator[Claim]) -> dict[int, list[Claim]]:
    groups: dict[int, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(len(claim[1]), []).append(claim)
    return groups


def _check_texts(result: Any, model: Model, report: Verification) -> None:
    """Tokens, text and round trip of each sample, from its ids alone."""
    tokenizer, size = model.tokens.tokenizer, model.info.vocabulary_size
    for name, sample in samples(result):
        if max(sample.ids) >= size:
            report.mismatches.append(Mismatch(f"{name}.ids", max(sample.ids), f"ids below {size}"))
            continue
        text = _pasted(model, sample.ids)
        found = {
            "tokens": tokenizer.convert_ids_to_tokens(sample.ids),
            "text": text,
            "round_trip": list(tokenizer(text)["input_ids"]) == sample.ids,
        }
        for key, value in found.items():
            if getattr(sample, key) != value:
                report.mismatches.append(Mismatch(f"{name}.{key}", getattr(sample, key), value))
    everywhere: Iterator[tuple[str, Sentence | ConceptSentence | AuditSentence]]
    everywhere = chain(sentences(result), concept_sentences(result))
    if isinstance(result, ShiftAuditResult):
        everywhere = ((f"sentences.{number}", sentence) for number, sentence in enumerate(result.sentences))
    for name, sentence in everywhere:
        for key, value in {
            "tokens": tokenizer.convert_ids_to_tokens(sentence.ids),
            "ids": list(tokenizer(sentence.text)["input_ids"]),
        }.items():
            if getattr(sentence, key) != value:
                report.mismatches.append(Mismatch(f"{name}.{key}", getattr(sentence, key), value))
    for where, id_, token in names(result):
        if id_ >= size or (tokenizer.convert_ids_to_tokens(id_) or "") != token:
            report.mismatches.append(Mismatch(where, token, f"the token of id {id_}"))


def _pasted(model: Model, ids: list[int]) -> str:
    """What the result file calls the text of these ids: decoded, without special tokens but the mask that predictions need."""
    tokenizer = model.tokens.tokenizer
    if model.tokens.causal or tokenizer.mask_token_id not in ids:
        return str(tokenizer.decode(ids, skip_special_tokens=True))
    dropped = set(tokenizer.all_special_ids) - {tokenizer.mask_token_id}
    return str(tokenizer.decode([id_ for id_ in ids if id_ not in dropped]))


def _rebuilt_checks(result: Any, model: Model) -> Iterator[Check]:
    """What results of rebuilt texts claim."""
    if isinstance(result, ReconstructResult):
        yield from reconstruct_checks(result, model)
    elif isinstance(result, ShiftResult):
        yield from shift_checks(result, model)
    elif isinstance(result, ShiftAuditResult):
        yield from audit_checks(result, model)


def _free(result: Any) -> list[int]:
    """Positions that a search was free to change."""
    return result.free if isinstance(result, DreamResult) else result.positions or [result.position]


def _check_extent(result: Any, model: Model, report: Verification) -> None:
    """What the file says of its own extent: only free positions changed, and all replacements were checked."""
    free = _free(result)
    if result.settings.get("start") != "both" and len(result.best.ids) == len(result.start.ids):
        pairs = enumerate(zip(result.start.ids, result.best.ids, strict=True))
        if moved := [position for position, (a, b) in pairs if a != b and position not in free]:
            report.mismatches.append(Mismatch("best.ids", f"changed at {moved}", f"free are {free}"))
    if isinstance(result, DreamResult):
        for where, reported, found in baseline_claims(result):
            if reported != found:
                report.mismatches.append(Mismatch(where, reported, found))
    if result.certificate is not None and result.certificate.holds:
        allowed = model.tokens.allowed
        count = sum(int((allowed != result.best.ids[position]).sum()) for position in free)
        if result.certificate.checked != count:
            report.mismatches.append(Mismatch("certificate.checked", result.certificate.checked, count))


def _check_values(model: Model, target: Target, claims: list[Claim], report: Verification) -> None:
    different = sorted({(tuple(ids), normalised) for _, ids, _, normalised in claims})
    values: dict[tuple[tuple[int, ...], bool], float] = {}
    for unit in (False, True):
        rows = [ids for ids, normalised in different if normalised is unit]
        wanted = target.model_copy(update={"normalised": True}) if unit and not _normalised(target) else target
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            found = plain_values(model, torch.tensor(part), wanted)
            values |= {(ids, unit): float(value) for ids, value in zip(part, found, strict=True)}
    for where, ids, reported, normalised in claims:
        _compare(where, reported, values[tuple(ids), normalised], report)


def _check_unit(model: Model, claim: UnitClaim, report: Verification) -> None:
    found = plain_at_tokens(model, torch.tensor([claim.ids]), claim.target)[0]
    for where, position, reported in claim.values:
        _compare(where, reported, float(found[position]), report)


def _compare(where: str, reported: float, found: float, report: Verification, within: float | None = None) -> None:
    difference = abs(found - reported)
    report.checked += 1
    report.largest_difference = max(report.largest_difference, difference)
    if not difference <= (TOLERANCE * max(1.0, abs(found)) if within is None else within):
        report.mismatches.append(Mismatch(where, reported, found))


def _normalised(target: Target) -> bool:
    """Whether a target is in PAIR's unit: itself (a probability is), or every term of a sum."""
    return (
        target.normalised
        or target.kind == "log_probability"
        or (target.terms is not None and all(_normalised(term) for term in target.terms))
    )


def _try_certificate(result: Any, model: Model, count: int, draw: random.Random, report: Verification) -> None:
    """Random single replacements of the best text: none may be better than it."""
    rows = []
    allowed = model.tokens.allowed.tolist()
    for _ in range(count):
        ids = list(result.best.ids)
        ids[draw.choice(_free(result))] = draw.choice(allowed)
        rows.append(ids)
    sign = -1.0 if getattr(result, "minimise", False) else 1.0
    limit = sign * result.best.activation
    for start in range(0, count, BATCH):
        part = rows[start : start + BATCH]
        for ids, value in zip(part, plain_values(model, torch.tensor(part), result.target), strict=True):
            report.replacements += 1
            if sign * float(value) > limit + TOLERANCE * max(1.0, abs(limit)):
                tokenizer = model.tokens.tokenizer
                if result.certificate.round_trip and tokenizer(_pasted(model, ids))["input_ids"] != ids:
                    continue
                report.mismatches.append(
                    Mismatch("certificate", f"nothing above {result.best.activation}", float(value))
                )
