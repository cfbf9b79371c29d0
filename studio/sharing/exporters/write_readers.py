"""``python -m studio.sharing.exporters.write_readers INTO HOME [ENCODER_DIR]``: what a page reads questions with.

Writes ``sentences.json`` and ``sentences.gz``, and with an encoder ``encoder.gguf`` and ``encoder-tokenizer.json``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from studio.encoders.question_encoder import load_question_encoder
from studio.processes.child import work_as_child
from studio.sharing.gguf.encoder import write_encoder
from studio.sharing.sentence_files import sentence_files


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""

    def work() -> None:
        into, home, *encoder = map(Path, arguments)
        for path in sentence_files(home):
            shutil.copyfile(path, into / path.name)
        if encoder:
            write_encoder(load_question_encoder(encoder[0]), into / "encoder.gguf", into / "encoder-tokenizer.json")

    return work_as_child(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
