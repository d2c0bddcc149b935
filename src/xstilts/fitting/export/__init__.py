"""Exports of a fitted model: ONNX, transformers, sentence-transformers SetFit; smaller vocabularies and int8."""
