"""The one training loop, its optimiser, and which weights are kept."""
