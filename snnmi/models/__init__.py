"""The networks under attack: neurons, codes, targets and their training."""
