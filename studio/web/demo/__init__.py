"""The visitors' page: light, without Gradio, served by the studio and alone behind a shared address."""

from studio.web.demo.app import demo_app

__all__ = ["demo_app"]
