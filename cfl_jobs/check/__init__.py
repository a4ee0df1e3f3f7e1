"""The rendered chain → problems: rules over the model, each with an id, a place and a way out."""
