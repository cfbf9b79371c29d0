"""Lines that ask a chatbot from a program, ready to copy."""

from __future__ import annotations

import json
import shlex


def api_examples(base_url: str, model: str, question: str) -> dict[str, str]:
    """The same question in each way of asking.

    Args:
        base_url: of the API, such as ``http://127.0.0.1:7860/v1``.
        model: id of a run, or of its base.
        question: what is asked.

    Returns:
        Text by ``curl``, ``python``, ``javascript``; each reads the key from ``AFINA_API_KEY``.
    """
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    said = json.dumps(question, ensure_ascii=False)
    curl = (
        f'curl {base_url}/chat/completions -H "Authorization: Bearer $AFINA_API_KEY" '
        f'-H "Content-Type: application/json" -d {shlex.quote(json.dumps(body, ensure_ascii=False))}'
    )
    python = f"""import os
from openai import OpenAI

client = OpenAI(base_url="{base_url}", api_key=os.environ["AFINA_API_KEY"])
answer = client.chat.completions.create(
    model="{model}", messages=[{{"role": "user", "content": {said}}}]
)
print(answer.choices[0].message.content)"""
    javascript = f"""import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "{base_url}", apiKey: process.env.AFINA_API_KEY }});
const answer = await client.chat.completions.create({{
  model: "{model}", messages: [{{ role: "user", content: {said} }}],
}});
console.log(answer.choices[0].message.content);"""
    return {"curl": curl, "python": python, "javascript": javascript}
