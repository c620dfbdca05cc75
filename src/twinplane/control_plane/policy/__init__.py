"""Decisions by policy: Cedar policies, validated, versioned by their hash, each decision with its reasons."""
