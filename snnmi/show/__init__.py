"""Arrays to figures, tables and widgets; computes nothing."""
