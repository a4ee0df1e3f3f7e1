"""The kinds of builders, publishers and wrappers that are known."""
