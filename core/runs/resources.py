"""What a run has used of the machine. What it says when the machine has no more to give: core.exhaustion."""

from __future__ import annotations

import resource
import sys


def peaks() -> dict[str, int]:
    """The most memory that this process has held so far, in bytes; on the GPU, too, where torch works on one."""
    found = {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}  # kilobytes on Linux
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found["peak_gpu_bytes"] = int(torch.cuda.max_memory_reserved())
    return found
