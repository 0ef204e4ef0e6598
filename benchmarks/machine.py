"""What a benchmark writes down beside its figures: machine, versions, time."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

import torch
import transformers

import textdream
from textdream.model.precision import matmul_rate


def machine() -> dict[str, object]:
    """Processor, what it can do, threads, versions, and the measured rates of a matrix product."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())
    return {
        "processor": name,
        "flags": sorted(flags & {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16"}),
        "threads": torch.get_num_threads(),
        "matmul_tflops": {
            "float32": round(matmul_rate(torch.float32, 8192, seconds=1.0) / 1e12, 3),
            "bfloat16": round(matmul_rate(torch.bfloat16, 8192, seconds=1.0) / 1e12, 3),
        },
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "textdream": textdream.__version__,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }
