"""Exceptions that users see."""


class InputError(ValueError):
    """Bad input: a corpus, setting, checkpoint or masks that cannot be used as they are.

    The message names the file, line or key, and how to fix the problem.
    """


class Stopped(Exception):
    """A run was asked to stop and has saved its progress; the next job resumes it."""
