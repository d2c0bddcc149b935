import pytest
import torch

from xstilts.errors import UserError
from xstilts.models.device import require_device


def test_cpu_is_always_usable() -> None:
    require_device("cpu")


@pytest.mark.parametrize(("device", "cuda", "count"), [("cuda", None, 0), ("cuda", "12.8", 0), ("cuda:2", "12.8", 2)])
def test_a_gpu_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, device: str, cuda: str | None, count: int
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(UserError, match=device):
        require_device(device)
    if count:
        require_device("cuda:1")
