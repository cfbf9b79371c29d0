#!/bin/sh
# What a graphics card does with Afina, in one table of at most 8 minutes: benchmarks/gpu_check.sh MODEL_DIR [--cpu] [--trl PYTHON]
cd "$(dirname "$0")/.." && exec "${PYTHON:-.venv/bin/python}" -m benchmarks.gpu_check "$@"
