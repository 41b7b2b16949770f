"""What is run and kept: the grid, its runs, its settings, and the rules that turn numbers into words."""
