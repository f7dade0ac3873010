"""Dead letters for operators: listing refused records with their reasons, and sending them again."""
