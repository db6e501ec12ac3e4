"""Columns of tables and figures that stand beside those of languages."""

TABLE_COLUMNS = (
    *("direction", "system", "kind", "language"),
    *("high", "med", "low", "avg", "untouched"),
)
"""Their names, which are codes of no languages."""
