"""On what the measurements ran."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.measure import TOP
from fer import versions
from fer.landmarks.extract import cores

# What decides how fast convolutions and products of matrices are, as /proc/cpuinfo calls it.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
LIBRARIES = ("torch", "torchvision", "lightning", "torch-geometric", "onnxruntime", "numpy", "mediapipe")


def describe(device: str) -> dict[str, Any]:
    """Processor, cores, memory, instruction sets, versions, commit, and the load before the run."""
    here = {
        "processor": _cpuinfo("model name") or platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "instructions": {name: name in (_cpuinfo("flags") or "").split() for name in INSTRUCTIONS},
        "gpu": _gpu() if device == "cuda" else "",
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions.of(*LIBRARIES),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
    }
    if here["commit"] and _git("status", "--porcelain", "--", "fer", "stages", "benchmarks", "params.yaml"):
        here["commit"] += ", with changes"
    return here


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name()


def _cpuinfo(key: str) -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
