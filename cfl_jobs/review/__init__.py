"""Two revisions of the definitions → what a change of them does to the server and the chain."""
