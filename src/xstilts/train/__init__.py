"""The training loop, the optimiser, checkpoint selection and prediction."""
