"""Step 2: bring examples, see how they were read and what is wrong with them, correct them, see what the model sees."""

from __future__ import annotations

from studio.web.ui.pages.examples.page import build_examples

__all__ = ["build_examples"]
