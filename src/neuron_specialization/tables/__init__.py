"""Tables: the paper's tables as CSV, Markdown, LaTeX and HTML; nothing is scored here."""
