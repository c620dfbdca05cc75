"""Twinplane: a data mesh on Amazon SageMaker Unified Studio, and the same mesh on one machine."""
