"""Definitions and templates → config XML, and everything that would be lost on the way."""
