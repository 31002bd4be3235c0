"""Neo's resources, one module each: what can be asked of it, one method an operation."""
