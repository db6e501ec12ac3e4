"""Corpora: fetching, reading, cleaning, splitting and segmenting text. Nothing here uses models."""
