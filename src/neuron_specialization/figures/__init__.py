"""Figures: the paper's figures and the explorer; drawing only, nothing is computed here."""
