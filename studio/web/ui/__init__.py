"""The studio's screens, made with Gradio."""
