"""What can be seen of a running process from outside: figures, traces, one id for each turn."""
