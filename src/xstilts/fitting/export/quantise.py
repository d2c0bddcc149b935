"""Dynamic quantisation to int8 by onnxruntime."""

import logging
from pathlib import Path


def quantise(path: Path) -> None:
    """Replace a float32 graph by one with int8 weights, whose matrix products quantise activations as they run.

    One scale per output channel, and 7 of 8 bits (`reduce_range`): processors without VNNI instructions add two products
    in 16 bits, which 8 bits overflow. docs/guides/export.md has the measurement that these settings are chosen by.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    whole = path.with_name("float32.onnx")
    path.rename(whole)
    try:
        quantize_dynamic(
            whole,
            path,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.disable(before)
        whole.unlink()
