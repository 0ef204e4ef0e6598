"""What a benchmark writes down beside its figures: machine, versions, time."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch
import transformers

import textdream
from textdream.model.precision import matmul_rate

# What decides a processor's rate in float32 and bfloat16, slowest first.
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16")


def _cpuinfo(key: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def processor() -> str:
    """Name and fastest instructions, for example "AMD EPYC, avx512_bf16"."""
    flags = [flag for flag in FLAGS if flag in _cpuinfo("flags").split()]
    return ", ".join([_cpuinfo("model name") or platform.processor(), *flags[-1:]])


def code() -> str:
    """The commit that is measured, with a + where files differ from it."""
    folder = Path(__file__).parent.parent
    command = ["git", "describe", "--always", "--exclude", "*", "--dirty=+", "--abbrev=10"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def machine() -> dict[str, object]:
    """Processor, what it can do, threads, versions, and the measured rates of a matrix product."""
    return {
        "processor": processor(),
        "flags": [flag for flag in FLAGS if flag in _cpuinfo("flags").split()],
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
