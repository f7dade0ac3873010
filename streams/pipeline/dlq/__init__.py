"""Dead letters for people: what was refused and why, and sending it back."""
