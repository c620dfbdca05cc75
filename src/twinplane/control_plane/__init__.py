"""The Management App: requests, approvals, policy, projects, catalog, subscriptions and audit.

It reaches the data plane only through boto3, so it runs unchanged against AWS and against the local data plane.
"""
