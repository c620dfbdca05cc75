"""AWS's wire protocols, as a server: routing, parsing, serialising, signatures, errors. Driven by AWS's service models;
knows no service."""
