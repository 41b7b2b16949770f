"""What a chapter says of its numbers: sentences, and tables as text; a file a chapter. Computes nothing."""
