"""The one governance machine: every kind of request passes policy, approvals, fulfilment, verification and expiry."""
