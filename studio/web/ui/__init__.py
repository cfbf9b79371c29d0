"""The studio's screens. Only this package imports Gradio."""

from studio.web.ui.stubs import import_gradio_without_stubs

import_gradio_without_stubs()
