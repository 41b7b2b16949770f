"""The same arithmetic, sooner: each with a plain reference and a fallback."""
