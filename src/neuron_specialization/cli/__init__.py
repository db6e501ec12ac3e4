"""Command line: a module for each verb, on files that exist; the other rooms do the work."""
