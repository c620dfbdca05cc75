"""Whether a host is this machine: the one answer for everything that may be http, or called, only there."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Is the host, as a URL names it, this machine?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
