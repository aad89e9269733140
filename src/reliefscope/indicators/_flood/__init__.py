"""What the flood indicators by radar share: layers, decisions, members of the ensemble."""
