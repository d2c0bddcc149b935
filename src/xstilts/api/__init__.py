"""The Python API behind the command line. Its public names are exported by `xstilts`."""
