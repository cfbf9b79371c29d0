"""The Share screen, one module a section: demo links, how far they reach, downloads, the API."""

from studio.web.ui.pages.share.page import build_share

__all__ = ["build_share"]
