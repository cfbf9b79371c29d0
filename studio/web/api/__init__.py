"""The API for programs: the endpoints of OpenAI that ask a chat model, with keys in place of the studio's password."""

from studio.web.api.app import api_app

__all__ = ["api_app"]
