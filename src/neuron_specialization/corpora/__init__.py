"""Corpora: readers, cleaning, splits and the built-in corpus."""
