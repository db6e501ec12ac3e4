"""The one exception that users see: it names the file, line or key, and says what to do."""


class InputError(ValueError):
    """Bad input: a corpus, a setting, a checkpoint or masks that cannot be used as they are."""
