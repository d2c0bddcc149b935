"""What a stage is (specs) and how each kind runs. Nothing is imported here, so that specs stay free of torch."""
