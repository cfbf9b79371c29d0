"""Afina: teach a chatbot to answer like your company, in the browser, on an ordinary computer."""

__version__ = "0.1.0"
