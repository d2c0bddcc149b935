"""Renders SVG drawings in separate processes with limits of time and memory, because a drawing can hang or crash the
renderer."""

import re
import struct
from pathlib import Path

from xstilts.errors import ImageError
from xstilts.platform.limited_process import LimitedProcesses, Limits, ProcessEndedError

CPU_SECONDS = 5.0
MAX_SECONDS = 30.0
"""The longest time for one drawing, for platforms without a limit of CPU time and for loaded machines."""
MEMORY = 1 << 30
"""Bytes of address space of a process."""
_LINK = re.compile(r"""(href\s*=\s*["'])(?!\s*(?:data:|\#))""")
_RENDERERS = LimitedProcesses(Path(__file__).with_name("svg_process.py"))


def rasterise(source: str, reference: str, side: int) -> bytes:
    """Render a drawing to PNG within a square. Links to other files are removed for security.

    Raises ImageError if the drawing needs too much time or memory or crashes the renderer, ValueError if it is damaged,
    StageError if no process can be started. `reference` is for messages only.
    """
    request = struct.pack("<I", side) + _LINK.sub(r"\1#", source).encode()
    try:
        return _RENDERERS.call(request, Limits(cpu_seconds=CPU_SECONDS, seconds=MAX_SECONDS, memory=MEMORY))
    except ProcessEndedError as error:
        raise ImageError(f"{reference} cannot be rendered: {error}", "simplify the drawing") from None
