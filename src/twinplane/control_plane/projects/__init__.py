"""Asking for projects, and seeing those one is a member of."""
