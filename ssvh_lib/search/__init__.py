"""Indexes of codes, kept on disk, and searches from a video to its neighbours."""
