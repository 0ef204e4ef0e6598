"""Which precision to search in: measured on the machine, not assumed from its name."""

from __future__ import annotations

import time
from functools import cache

import torch


def matmul_rate(
    dtype: torch.dtype, rows: int = 2048, inner: int = 384, outer: int = 1536, seconds: float = 0.03
) -> float:
    """Floating-point operations a second of a linear layer [rows, inner] → [rows, outer] on the CPU.

    The best of several short rounds: other work on the machine only ever slows a round down.
    """
    x, weight = torch.ones(rows, inner, dtype=dtype), torch.ones(outer, inner, dtype=dtype)
    with torch.no_grad():
        torch.nn.functional.linear(x, weight)
        best, begin = float("inf"), time.perf_counter()
        while time.perf_counter() - begin < seconds:
            start = time.perf_counter()
            torch.nn.functional.linear(x, weight)
            best = min(best, time.perf_counter() - start)
    return 2 * rows * inner * outer / best


@cache
def search_dtype(device: str) -> torch.dtype:
    """bfloat16 where the device multiplies it clearly faster than float32, else float32.

    AVX-512 with bfloat16 instructions gives about 2 times the rate, AMX 4 to 6 times; processors without either are
    slower in it. The threshold of 1.3 stands well between, so that the choice is the same at each start.
    """
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device != "cpu":
        return torch.float32
    return torch.bfloat16 if matmul_rate(torch.bfloat16) > 1.3 * matmul_rate(torch.float32) else torch.float32
