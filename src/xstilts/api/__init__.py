"""What the command line does, from Python. The public names are those of `xstilts` itself."""
