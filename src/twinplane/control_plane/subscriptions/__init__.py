"""Asking for access to published data, and its grant, verification, end and revocation."""
