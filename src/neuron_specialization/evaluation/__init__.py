"""Evaluation: scores of translations."""
