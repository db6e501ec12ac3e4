"""Evaluation: outputs of systems, their scores and significance tests; no tables, no models."""
