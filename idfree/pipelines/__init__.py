"""What each command does, callable from Python: the only place where the other parts meet."""
