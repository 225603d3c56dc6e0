"""What a visitor reads when something broke: a sentence and a reference. What broke stands in the server's log, under that reference."""

from __future__ import annotations

import logging
import secrets

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pages.parts.serving.headers import HEADERS

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that are mistaken for others when a reference is read out."""

_log = logging.getLogger("tremor")


def reference(error: BaseException) -> str:
    """Write the error to the log, and return the word under which it stands there."""
    word = "".join(secrets.choice(LETTERS) for _ in range(6))
    _log.error("reference %s: %s", word, type(error).__name__, exc_info=error)
    return word


def unanswered(request: Request, error: Exception) -> Response:
    """The answer where the server itself broke. Starlette gives it outside of every middleware, so it brings its own headers."""
    sentence = f"Something went wrong. It was written to the server's log under the reference {reference(error)}.\n"
    return PlainTextResponse(sentence, 500, HEADERS)
