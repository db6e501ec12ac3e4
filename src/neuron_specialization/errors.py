"""The exceptions that users see."""


class InputError(ValueError):
    """Bad input: a corpus, a setting, a checkpoint or masks that cannot be used as they are.

    Its message names the file, line or key, and says what to do.
    """


class Stopped(Exception):
    """A training was asked to end and has saved what it had reached; the next job goes on."""
