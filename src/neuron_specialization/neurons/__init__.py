"""Neurons: counts, selection, masks and the sub-network FFN."""
