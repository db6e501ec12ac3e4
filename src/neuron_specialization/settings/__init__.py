"""Settings: the configuration as frozen dataclasses, read and checked; no work is done here."""
