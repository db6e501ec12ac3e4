"""Workflow: what rules ask (the plan), and the layout of results; no science."""
