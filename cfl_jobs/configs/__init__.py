"""Config XML → what it means: the model, the plugins it needs, the chain as a graph."""
