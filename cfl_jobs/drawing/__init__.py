"""The chain → pictures of it: one writer for each format, all over the same value."""
