"""One module per verb: its options, and the function that they call."""
