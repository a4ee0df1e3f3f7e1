"""The Code for Life chain on Jenkins as code: render, check, review, rehearse and push jobs."""

__version__ = "0.1.0"
