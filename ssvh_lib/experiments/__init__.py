"""Experiments: which runs a published table needs, carried out and measured, and their records."""
