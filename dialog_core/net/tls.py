from __future__ import annotations

import functools
import ssl

import httpx

__all__ = ["client_context"]


@functools.cache
def client_context() -> ssl.SSLContext:
    """How we check vendors' certificates; one for HTTP and WebSockets, since loading the roots takes 20 ms.

    The bundled roots, or those of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` where set.
    """
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
