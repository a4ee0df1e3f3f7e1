"""Where jobs are kept: a directory, a server; how a server is talked to."""
