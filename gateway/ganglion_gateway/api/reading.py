# SPDX-License-Identifier: GPL-3.0-or-later
"""In which language who asks reads: for answers that have sentences of the gateway's in them (RFC 9110, 12.5.4)."""

from typing import Annotated

from fastapi import Depends, Request, Response

from ganglion_gateway import languages


def _reader(request: Request, response: Response) -> str:
    language = languages.accepted(request.headers.get("accept-language", ""))
    response.headers["content-language"] = language
    response.headers["vary"] = "Accept-Language"
    return language


#: One of `languages.LANGUAGES`.
Reader = Annotated[str, Depends(_reader)]
