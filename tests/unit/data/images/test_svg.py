"""Drawings that hang, crash or exhaust the renderer are unusable images, and the next drawing is rendered."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xstilts.data.images import svg
from xstilts.data.images.decode import decode
from xstilts.errors import ImageError, StageError
from xstilts.platform.limited_process import LimitedProcesses

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20">{}</svg>'
SQUARE = '<rect width="20" height="20" fill="#f00"/>'
FILTER = '<filter id="f">{}</filter><rect width="40" height="20" filter="url(#f)"/>'
PATTERN = (
    '<pattern id="p" width="223606" height="223606" patternUnits="userSpaceOnUse"><rect width="9" height="9"/>'
    "</pattern>"
    '<rect width="40" height="20" fill="url(#p)"/>'
)
HOSTILE = {
    "stroke width": '<path d="M0 0L40 20" stroke="#000" stroke-width="999999999"/>',
    "dashes": '<circle r="4" fill="none" stroke="#000" stroke-width="999999999" stroke-dasharray="0.0001"/>',
    "pattern": PATTERN,
    "octaves": FILTER.format('<feTurbulence numOctaves="2000000000" baseFrequency="0.05"/>'),
    "groups": "<g>" * 100_000 + "</g>" * 100_000,
}


def renderers() -> LimitedProcesses:
    return LimitedProcesses(svg._RENDERERS._handler)


def is_rendered() -> bool:
    return decode(SVG.format(SQUARE).encode(), "a:b", 64).getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("drawing", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_drawing_is_unusable_and_the_next_one_is_rendered(
    drawing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(svg, "CPU_SECONDS", 1.0)
    monkeypatch.setattr(svg, "_RENDERERS", renderers())
    start = time.monotonic()
    with pytest.raises(ImageError) as caught:
        decode(SVG.format(drawing).encode(), "file:x.svg", 224)
    assert "file:x.svg" in caught.value.message
    assert time.monotonic() - start < 100
    assert is_rendered()


def test_slow_drawings_are_given_up_without_a_limit_of_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "CPU_SECONDS", 0.0)
    monkeypatch.setattr(svg, "MAX_SECONDS", 1.0)
    monkeypatch.setattr(svg, "_RENDERERS", renderers())
    with pytest.raises(ImageError, match=r"file:x\.svg"):
        decode(SVG.format(HOSTILE["octaves"]).encode(), "file:x.svg", 224)


def test_a_large_filter_ends_in_time() -> None:
    """It is rendered or given up, depending on the machine."""
    drawing = FILTER.format('<feMorphology operator="dilate" radius="100000"/>')
    start = time.monotonic()
    try:
        assert decode(SVG.format(drawing).encode(), "file:x.svg", 224).size == (224, 112)
    except ImageError as error:
        assert "file:x.svg" in error.message
    assert time.monotonic() - start < 100


def test_threads_share_renderers(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = renderers()
    monkeypatch.setattr(svg, "_RENDERERS", pool)
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda _: is_rendered(), range(40)))
    assert 1 <= len(pool._idle) <= 4
    pool.close()
    assert not pool._idle


def test_a_dead_renderer_is_replaced() -> None:
    assert is_rendered()
    for renderer in svg._RENDERERS._idle:
        renderer.close()
    assert is_rendered()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_starts_its_own_renderer() -> None:
    assert is_rendered()
    child = os.fork()
    if not child:
        os._exit(0 if is_rendered() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_rendered()


def test_a_renderer_that_cannot_start_stops_the_stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(svg, "_RENDERERS", renderers())
    monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    with pytest.raises(StageError):
        decode(SVG.format(SQUARE).encode(), "file:x.svg")
