"""The TLS context of the process."""

from __future__ import annotations

import functools
import os
import ssl


@functools.cache
def context() -> ssl.SSLContext:
    """One for all connections: making one costs 55 ms and 850 KB.

    It trusts the system's authorities, those of `SSL_CERT_FILE`, and certifi's, which
    some systems need.
    """
    import certifi

    made = ssl.create_default_context()
    if not os.environ.get("SSL_CERT_FILE"):
        made.load_verify_locations(certifi.where())
    return made
