"""Brings AWS, real or local, to what the mesh declares: through boto3 only, one look before every change."""
