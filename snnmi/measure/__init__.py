"""Arrays in, numbers out: scores, boundaries, judges, distances, statistics."""
