"""Dual encoders: a text encoder and an image encoder that were trained to meet in one space, as CLIP and SigLIP are.

Nothing is imported here: reading their texts needs no model.
"""
