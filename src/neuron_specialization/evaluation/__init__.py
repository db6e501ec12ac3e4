"""Evaluation: outputs, scores and significance tests of translations; no tables, no models."""
