"""Checks that PyTorch can use a device."""

import torch

from xstilts.errors import UserError


def require_device(device: str) -> None:
    """Raises UserError if `device` is a GPU that PyTorch cannot use."""
    if not device.startswith("cuda"):
        return
    number = int(device.partition(":")[2] or 0)
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number < count:
        return
    if torch.version.cuda is None:
        problem, hint = "the installed PyTorch has no CUDA", "install a CUDA build of PyTorch, or use --device cpu"
    elif count == 0:
        problem, hint = "PyTorch finds no NVIDIA GPU", "check `nvidia-smi`, or use --device cpu"
    else:
        problem, hint = f"PyTorch finds only the GPUs 0 to {count - 1}", "choose one of them"
    raise UserError(f"device {device!r} cannot be used: {problem}", hint)
