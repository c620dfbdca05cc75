"""Measurements: each prints ratios to a named reference measured in the same run. `make bench` runs all of them."""
