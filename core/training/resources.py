"""What a run has used of the machine, and the sentence for a machine that has no more to give."""

from __future__ import annotations

import errno
import resource
import sys

from core.errors import Exhausted


def peaks() -> dict[str, int]:
    """The most memory that this process has held so far, in bytes; on the GPU, too, where torch works on one."""
    found = {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}  # kilobytes on Linux
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found["peak_gpu_bytes"] = int(torch.cuda.max_memory_reserved())
    return found


def exhausted(error: BaseException) -> Exhausted | None:
    """The sentence for a full disk or memory, from the error by which Python, the operating system or torch says so."""
    text = str(error).split("\n")[0]
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" ({error.filename})" if error.filename else ""
        return Exhausted(f"the disk is full{where}: free some space, then resume; it goes on from the last saved state")
    if type(error).__name__ == "OutOfMemoryError":  # torch's, of a GPU; torch need not be loaded to ask
        return Exhausted(f"the GPU's memory is full: start again with a smaller batch size, or resume once other programs have left it ({text})")
    if isinstance(error, MemoryError) or "can't allocate memory" in text:
        return Exhausted("the memory is full: start again with a smaller batch size, or resume once other programs have ended")
    return None
