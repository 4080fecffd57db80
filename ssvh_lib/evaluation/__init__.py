"""Codes and their quality: Hamming distances, rankings, average precision, significance."""
