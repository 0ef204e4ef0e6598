"""Load a model: one at hand, a Hugging Face name, a folder, a GGUF file, or one that the caller has in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.utils import logging as hf_logging

from textdream.errors import InputError, ModelError
from textdream.model.catalog import PACKAGED, packaged
from textdream.model.model import Model
from textdream.model.sites import find_layout
from textdream.model.tokens import Tokens
from textdream.records import ModelInfo

WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "*.gguf")
HEADED = ("ForMaskedLM", "ForPreTraining", "ForCausalLM", "LMHeadModel", "ForSequenceClassification")


@dataclass(frozen=True)
class Source:
    """Where a model's files are."""

    name: str
    described: str
    where: str
    """Folder, or a Hugging Face name."""
    gguf: str | None = None
    sha256: str | None = None
    """Expected hash of the weights, where it is known."""


def load(model: Any = "minilm", tokenizer: Any = None, *, device: str = "cpu") -> Model:
    """Load a model for dreaming.

    Parameters
    ----------
    model
        A name at hand (`textdream models`), a Hugging Face name, a folder, a GGUF file, or a `PreTrainedModel` in memory
        (then with its `tokenizer`). A model in memory is used as it is and left as it was.
    tokenizer
        The Hugging Face tokenizer of a model in memory.
    device
        cpu, cuda, cuda:1 or mps.

    Raises
    ------
    ModelError
        If there is no such model, its weights are missing or not the expected ones, or its architecture is unknown.
    """
    check_device(device)
    if not isinstance(model, str | Path):
        if tokenizer is None:
            raise ModelError("a model in memory came without a tokenizer", "both", "give load(model, tokenizer)")
        return _wrap(model.to(device), tokenizer, "in-memory", "in memory", _hash_state(model), {"pooler", "head"})
    source = find_source(str(model))
    folder = Path(source.where)
    sha256 = hash_weights(folder, source.gguf) if folder.is_dir() else ""
    if source.sha256 and sha256 != source.sha256:
        raise ModelError(
            f"the weights of {source.name} have the sha256 {sha256[:12]}…",
            f"{source.sha256[:12]}…",
            "install the package again",
        )
    hf, loaded_tokenizer, trained = _from_pretrained(source)
    if not sha256:
        sha256 = _hash_hub(source.where) or _hash_state(hf)
    return _wrap(hf.to(device), loaded_tokenizer, source.name, source.described, sha256, trained)


def check_device(device: str) -> None:
    """Raise InputError for a device that this machine does not have."""
    kind = device.split(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in there or not there[kind]:
        usable = ", ".join(name for name, found in there.items() if found)
        raise InputError(
            f"the device {device!r} cannot be used here", f"one of {usable}", "give one of them with --device"
        )
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise InputError(
            f"the device {device!r} is not there", f"a {kind} device of this machine", f"give --device {kind}"
        ) from None


def find_source(name: str) -> Source:
    """Find out what a model name means; nothing is loaded."""
    if name in PACKAGED:
        model, where = packaged(name)
        described = f"package {model.package} {model.version}"
        if where.suffix == ".gguf":
            return Source(name, described, str(where.parent), where.name, model.sha256)
        return Source(name, described, str(where), None, model.sha256)
    path = Path(name).expanduser()
    try:
        path.exists()
    except OSError as error:
        raise ModelError(f"the model {name[:60]!r}… is no folder ({error.strerror})", "a name", "shorten it") from None
    if path.suffix == ".gguf" and path.is_file():
        return Source(name, f"file {path.name}", str(path.resolve().parent), path.name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"the folder {name} has no config.json",
                "a folder that save_pretrained wrote",
                "check the path",
            )
        if not any(path.glob(pattern) for pattern in WEIGHTS) or not weight_files(path):
            raise ModelError(
                f"the folder {name} has no weights",
                f"one of {', '.join(WEIGHTS)}",
                "save the model there with save_pretrained",
            )
        return Source(name, f"folder {path.resolve().name}", str(path.resolve()))
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or not name.strip():
        raise ModelError(
            f"the folder {name!r} does not exist",
            "a folder, or a name such as bert-base-uncased",
            "check the path",
        )
    return Source(name, f"Hugging Face {name}", name)


def weight_files(folder: Path) -> list[Path]:
    """The weights files of a folder: those of the first pattern that has any."""
    return next((found for pattern in WEIGHTS if (found := sorted(folder.glob(pattern)))), [])


def hash_weights(folder: Path, gguf: str | None = None) -> str:
    """Sha256 of the weights file; of the concatenated digests where there are several."""
    digests = []
    for path in [folder / gguf] if gguf else weight_files(folder):
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256"))
    if len(digests) == 1:
        return digests[0].hexdigest()
    return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()


def _hash_hub(name: str) -> str | None:
    """Sha256 of the cached snapshot that a Hugging Face name was loaded from."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    folder = Path(config).parent if isinstance(config, str) else None
    return hash_weights(folder) if folder and weight_files(folder) else None


def _hash_state(hf: torch.nn.Module) -> str:
    """Sha256 over the names and bytes of the parameters, for a model without files."""
    digest = hashlib.sha256()
    for name, value in sorted(hf.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back transformers' progress bars and advice, and leave the caller's settings and random state as they were.

    Its GGUF reader draws a bar that no setting turns off, so standard error is held back as well.
    """
    verbosity, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        with torch.random.fork_rng(devices=[]), redirect_stderr(io.StringIO()):
            yield
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()


def _from_pretrained(source: Source) -> tuple[Any, Any, set[str]]:
    """The model in float32, its tokenizer, and which of {"pooler", "head"} came with trained weights."""
    # Never run code that a model's folder brings along, nor ask about it.
    options: dict[str, Any] = {"trust_remote_code": False}
    if source.gguf:
        options["gguf_file"] = source.gguf
    if source.gguf and not (importable("gguf") and importable("accelerate")):
        raise ModelError(
            f"{source.name} is a GGUF file",
            "the packages gguf and accelerate, which read it",
            "run: pip install 'textdream[gguf]'",
        )
    folder = Path(source.where).is_dir()
    try:
        if folder:
            hf, info, tokenizer = _read_files(source, options)
        else:
            try:
                # What is in the cache is taken as it is: no network is asked, and the result is the same tomorrow.
                hf, info, tokenizer = _read_files(source, {**options, "local_files_only": True})
            except OSError:
                _check_hub(source.where)
                hf, info, tokenizer = _read_files(source, options)
    except ModelError:
        raise
    except Exception as error:  # Loaders fail in many ways on files that are no model.
        if _was_interrupted(error):
            raise KeyboardInterrupt from None
        reason = str(error).strip().partition("\n")[0][:160]
        files = source.gguf or ", ".join(["config.json", *(path.name for path in weight_files(Path(source.where)))])
        raise ModelError(
            f"the model {source.name!r} cannot be loaded ({type(error).__name__}: {reason})",
            f"config and weights as save_pretrained writes them ({files})"
            if folder
            else "a transformer with weights and tokenizer",
            "save model and tokenizer there with save_pretrained" if folder else "see `textdream models`",
        ) from None
    missing = {key for key in info["missing_keys"] if "position_ids" not in key}
    pooler = {key for key in missing if "pooler" in key}
    head_names = (
        "cls.",
        "lm_head",
        "classifier",
        "predictions",
        "vocab_",
        "score",
        "pre_classifier",
        "generator_",
    )
    heads = {key for key in missing - pooler if any(name in key for name in head_names)}
    if body := sorted(missing - pooler - heads):
        raise ModelError(
            f"the weights of {source.name} lack {len(body)} parameters ({body[0]} …)",
            "all parameters of the architecture that config.json names",
            "save the model again with save_pretrained",
        )
    trained = {part for part, gone in (("pooler", pooler), ("head", heads)) if not gone}
    return hf, tokenizer, trained


def _read_files(source: Source, options: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Model, loading report and tokenizer by Hugging Face's own loaders."""
    with quiet():
        config = transformers.AutoConfig.from_pretrained(source.where, **options)
        cls = _class_for(config, source)
        hf, info = cls.from_pretrained(source.where, dtype=torch.float32, output_loading_info=True, **options)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.where, **options)
    if tokenizer.vocab_size <= len(tokenizer.all_special_ids):
        raise ModelError(f"{source.name} has no tokenizer", "its vocabulary files", "save the tokenizer there too")
    return hf, info, tokenizer


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C lies behind an error: transformers' lazy imports turn it into a missing module."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _check_hub(name: str) -> None:
    """Raise ModelError at once where a name cannot be fetched; the loaders would try again for half a minute."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    expected = "a model at hand, a folder, or a Hugging Face name and a network to fetch it"
    try:
        get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=10)
    except GatedRepoError:
        raise ModelError(f"the model {name!r} is gated", "access to it", "ask for it and run: hf auth login") from None
    except (RepositoryNotFoundError, HFValidationError):
        raise ModelError(f"there is no model {name!r} on Hugging Face", expected, "see `textdream models`") from None
    except Exception as error:  # Any way in which a network can fail: the sentence says which.
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise ModelError(
            f"the model {name!r} is not on this machine and could not be fetched ({reason})",
            expected,
            "see `textdream models` for those at hand",
        ) from None


def _class_for(config: Any, source: Source) -> Any:
    """The class that the checkpoint was saved from, if it has a head we read; else the bare model."""
    for name in getattr(config, "architectures", None) or []:
        if name.endswith(HEADED) and hasattr(transformers, name):
            return getattr(transformers, name)
    if source.gguf:
        return transformers.AutoModelForCausalLM
    return transformers.AutoModel


def importable(module: str) -> bool:
    """Whether a module is installed, without importing it."""
    import importlib.util

    return importlib.util.find_spec(module) is not None


def _wrap(hf: Any, tokenizer: Any, name: str, described: str, sha256: str, trained: set[str]) -> Model:
    layout = find_layout(hf, trained)
    config = hf.config
    rows = hf.get_input_embeddings().weight.shape[0]
    # RoBERTa and its kin count positions from padding_idx + 1, so the first rows of the table are never used.
    positions = getattr(getattr(hf.base_model, "embeddings", None), "position_embeddings", None)
    padding = getattr(positions, "padding_idx", None)
    offset = 0 if padding is None else padding + 1
    limits = [getattr(config, "max_position_embeddings", None), getattr(config, "n_positions", None)]
    longest = min([limit - offset for limit in limits if limit] + [int(tokenizer.model_max_length)])
    causal = (
        bool(getattr(config, "is_decoder", False))
        or type(hf).__name__.endswith(("ForCausalLM", "LMHeadModel"))
        or _masks_future(hf)
    )
    info = ModelInfo(
        name=name,
        source=described,
        sha256=sha256,
        architecture=type(hf).__name__,
        layers=len(layout.blocks),
        width=config.hidden_size,
        vocabulary_size=rows,
    )
    return Model(hf, Tokens(tokenizer, rows, longest, causal), layout, info)


@torch.no_grad()
def _masks_future(hf: Any) -> bool:
    """Whether a change of the last token leaves the state of the first as it was: the definition of causal."""
    from textdream.model.capture import capture

    layout = find_layout(hf, set())
    ids = torch.tensor([[5, 6, 7], [5, 6, 8]], device=hf.device) % hf.get_input_embeddings().weight.shape[0]
    state = capture(hf, {"out": layout.place("resid_post", len(layout.blocks) - 1)}, input_ids=ids)["out"]
    return bool(torch.allclose(state[0, 0], state[1, 0], atol=1e-5))
