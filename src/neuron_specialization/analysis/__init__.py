"""Analysis: tables."""
