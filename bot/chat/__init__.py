"""A sentence in, an answer out: grammar, question, answer."""
