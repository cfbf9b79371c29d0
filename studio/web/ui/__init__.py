"""The studio's screens. Only this package imports Gradio."""

from studio.web.ui.patches.stub_files import import_gradio_without_stubs

import_gradio_without_stubs()
