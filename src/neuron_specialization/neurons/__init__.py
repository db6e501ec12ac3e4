"""Neurons: counts, selection (Eq. 1), masks, overlap, the sub-network FFN; no fairseq."""
