"""Rendered jobs and what a target has → plan → applied, verified, kept for rollback."""
