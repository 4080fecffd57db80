"""The training loop, the folder of a run, and checkpoints trained with the authors' code."""
