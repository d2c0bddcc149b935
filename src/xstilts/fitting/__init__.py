"""From labelled files to a saved model: reading, fitting, cross-validation, calibration and the model folder."""
