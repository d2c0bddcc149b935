"""Quantises a graph to int8 with onnxruntime."""

import logging
from pathlib import Path
from typing import Any

BLOCK = 32
"""Weights that share one scale."""
_FLOAT32 = 1
"""MatMulNBits' accuracy level at which activations stay in float32."""


def quantise(path: Path) -> None:
    """Replace a float32 graph by one whose matrices and embeddings are int8.

    Matrices have one scale for each block of 32 inputs, and activations stay in float32. Quantising activations too is
    faster, but changed too many predictions of multilingual-e5-small. bench/export.py measures this one.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    whole = path.with_name("float32.onnx")
    path.rename(whole)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(whole, path, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8)
        quantiser: Any = MatMulNBitsQuantizer(
            onnx.load(path),
            bits=8,
            block_size=BLOCK,
            is_symmetric=True,
            accuracy_level=_FLOAT32,
            op_types_to_quantize=("MatMul",),
        )
        quantiser.process()
        quantiser.model.save_model_to_file(str(path))
    finally:
        logging.disable(before)
        whole.unlink()
