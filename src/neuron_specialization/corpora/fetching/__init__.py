"""Fetching: the published corpora and models, fetched, checked and unpacked."""
