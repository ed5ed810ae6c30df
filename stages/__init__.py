"""The pipeline's stages, one click script each, run as `python -m stages.NAME`."""
