"""Pure numerics: numpy arrays in, numpy arrays out."""
