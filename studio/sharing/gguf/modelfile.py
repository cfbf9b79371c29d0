"""The ``Modelfile`` by which Ollama makes a chatbot of a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from studio.models.chat_template import ChatTemplate
from studio.models.json_file import read_object
from studio.sharing.gguf.templates import ollama_template
from studio.sharing.gguf.vocabulary import Vocabulary

MAX_TOKENS: Final = 256  # of an answer, as in the studio's own chat
_CONTEXT: Final = 4096  # tokens of a chat that Ollama keeps in memory


def modelfile(file_name: str, model_dir: Path, system_prompt: str | None) -> str:
    """Its text: where the weights are, how turns are written, and the choices with which the studio compared.

    Args:
        file_name: of the GGUF file beside it.
        model_dir: of the base model.
        system_prompt: that the model was tuned with.
    """
    context = min(int(read_object(model_dir / "config.json")["max_position_embeddings"]), _CONTEXT)
    lines = [f"FROM ./{file_name}"]
    if template := ollama_template(ChatTemplate.load(model_dir)):
        lines.append(f'TEMPLATE """{template}"""')
    if system_prompt:
        lines.append('SYSTEM """{}"""'.format(system_prompt.replace('"""', "'''")))
    lines += [
        "# The likeliest word always, and none held back because it was said before: as in the studio.",
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        f"PARAMETER num_ctx {context}",
        f"PARAMETER num_predict {MAX_TOKENS}",
        *(f'PARAMETER stop "{word}"' for word in Vocabulary(model_dir).stop_words if '"' not in word),
    ]
    return "\n".join(lines) + "\n"
