"""Tools for every package: atomic files, devices, measurements in subprocesses, fingerprints of code."""
