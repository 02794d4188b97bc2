# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection that cannot be had, or broke, says of TLS and of the network, in one sentence with the remedy."""

import ssl

from ganglion.errors import GanglionError, RefusedError, UnreachableError
from ganglion.mqtt.url import BrokerUrl

#: X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET, _EXPIRED, _HOST, _ADDRESS = 9, 10, 62, 64


def failure(url: BrokerUrl, error: OSError) -> GanglionError:
    """The error that stands for what asyncio, ssl or the kernel said of a connection to `url`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return RefusedError(_untrusted(url, error))
    if isinstance(error, ssl.SSLError):
        return _broken(url, error.reason or str(error))
    return UnreachableError(f"{url} cannot be reached: {error.strerror or str(error) or 'it does not answer in time'}")


def _untrusted(url: BrokerUrl, error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:
        case code if code in (_HOST, _ADDRESS):
            return (
                f"the certificate of {url} is another host's ({error.verify_message}): "
                f"write the name that it was made for into the URL, or have one made for {url.host}"
            )
        case code if code == _EXPIRED:
            return f"the certificate of {url} has expired: renew it on the broker, or set this clock"
        case code if code == _NOT_YET:
            return f"the certificate of {url} is not valid yet: set this clock"
    return f"the certificate of {url} is not trusted ({error.verify_message}): name its authority with ?ca=FILE"


def _broken(url: BrokerUrl, reason: str) -> GanglionError:
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
        return UnreachableError(f"what answers at {url} speaks no TLS: write mqtt://, or the port that speaks it")
    if "CERTIFICATE_REQUIRED" in reason:
        return RefusedError(f"{url} asks for a certificate of ours: name it with ?certificate=FILE&key=FILE")
    if "ALERT_UNKNOWN_CA" in reason or "ALERT_BAD_CERTIFICATE" in reason:
        return RefusedError(f"{url} does not trust our certificate: have it signed by the authority that it knows")
    return UnreachableError(f"{url} cannot be reached: TLS failed ({reason.lower().replace('_', ' ')})")
