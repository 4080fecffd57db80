"""Codes and what they are worth: Hamming distances, rankings, average precision, significance."""
