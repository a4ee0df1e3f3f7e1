"""What people wrote → tracked data with places: YAML, definitions, the inventory.

A project's files stand in two directories.
"""

JOBS = "jobs"
TEMPLATES = "templates"
