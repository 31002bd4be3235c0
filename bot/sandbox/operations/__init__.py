"""The operations of the embedded Neo, one module a resource."""
