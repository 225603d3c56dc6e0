"""What stands between the network and Streamlit: headers on every answer, and the refusal of requests that are none of a visitor's own.

    app = st.App(__file__, middleware=serving.middleware(rules), on_script_error=failures.on_script_error, ...)     (app.py)

Plain ASGI (Starlette's types), no Streamlit; whether a visitor is the owner of the server is the business of pages/parts/owner.py.
"""

from __future__ import annotations

from starlette.middleware import Middleware

from pages.parts.serving.guard import Guard, Rules
from pages.parts.serving.headers import Headers


def middleware(rules: Rules) -> list[Middleware]:
    """Outermost first: what the guard refuses carries the headers too."""
    return [Middleware(Headers), Middleware(Guard, rules=rules)]
