"""Intermediate-task training and few-shot adaptation for multilingual encoders."""
