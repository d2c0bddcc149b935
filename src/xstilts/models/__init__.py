"""Encoders, their heads, what they are fed and which of their weights train."""
