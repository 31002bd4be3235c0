"""An embedded Neo: the same public API over a small living world, for the demo and for tests."""
