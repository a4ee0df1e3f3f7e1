"""A job's config XML → a definition and a template that render to an equal config."""
