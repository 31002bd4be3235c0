"""Neo's data to Adaptive Cards: pure functions, one file a card, no I/O."""
