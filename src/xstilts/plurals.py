"""Counts with their nouns."""


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """The count and its noun: "1 seed", "1,200 items". `nouns` is an irregular plural."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"
