"""Encoders, heads, model inputs, and the choice of trained parameters."""
