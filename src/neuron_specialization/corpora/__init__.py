"""Corpora: fetching, reading, cleaning, splitting and segmenting text; nothing of models."""
