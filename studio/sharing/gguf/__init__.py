"""GGUF files: the one file that llama.cpp, Ollama and LM Studio read. Imports models and storage; needs no torch."""
