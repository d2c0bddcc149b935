"""Exports of a fitted model: ONNX, transformers, sentence-transformers and SetFit, with a smaller vocabulary or int8."""
