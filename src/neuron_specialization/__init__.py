"""Reproducible multilingual machine translation with neuron specialization."""

__version__ = "0.1.0"
