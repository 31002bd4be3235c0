"""Neo's public API: the thin client, its models and its errors."""
