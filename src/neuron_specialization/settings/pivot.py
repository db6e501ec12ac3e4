"""Directions and the pivot, the language that all corpora share."""


def has_pivot(direction: str, pivot: str) -> bool:
    """Return whether a direction is from or into the pivot."""
    return pivot in direction.split("-")


def halves(direction: str, pivot: str) -> list[str]:
    """Return the direction from the source into the pivot, and from the pivot to the target.

    Of a direction with the pivot, this is the direction itself.
    """
    source, target = direction.split("-")
    return [
        *([f"{source}-{pivot}"] if source != pivot else []),
        *([f"{pivot}-{target}"] if target != pivot else []),
    ]
