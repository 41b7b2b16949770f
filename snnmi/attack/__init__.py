"""The threat model and the attack; nothing here can reach a model's inside."""
