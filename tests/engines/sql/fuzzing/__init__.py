"""Random tables, policies and statements, each statement compared with itself on a copy that was physically cut."""
