"""Is a server able to be this project's: what is asked of it, checked, and written."""
