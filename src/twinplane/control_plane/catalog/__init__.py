"""Importing tables, classifying, publishing and finding data."""
