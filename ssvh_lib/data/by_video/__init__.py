"""Datasets whose videos are stored one by one: a file for each, or a group for each in one HDF5 file."""
