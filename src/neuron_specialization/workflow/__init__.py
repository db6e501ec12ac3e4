"""Workflow: the plan for the rules, and the layout of results; no science."""
