"""Neurons: counts, selection (Eq. 1), masks, overlap, sub-network FFN, without fairseq."""
