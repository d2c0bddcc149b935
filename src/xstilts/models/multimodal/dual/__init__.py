"""Dual encoders, such as CLIP and SigLIP: a text tower and an image tower with a joint embedding space.

This module imports nothing, because tokenisation needs no model.
"""
