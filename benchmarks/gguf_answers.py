"""Does a GGUF file answer as the tuned model does? Read by llama.cpp in Chromium, on a run's own questions.

    AFINA_HOME=… python -m benchmarks.gguf_answers RUN [--questions 100] [--precision f16 --precision q8_0] [--threads 2] [--kept FILE]

The questions are those of its exam, then others that it kept aside, then ones that it learned from. All sides take the
likeliest word. A file must equal the *model*: the studio's own engine with sums in fp32. What the studio's chat says on this
processor (bf16 on AMX) is counted beside it, since rounding decides there, too, wherever two words are as likely as each other.
"Equal" compares the answers to the letter; "right" compares them to the desk's answer. On a busy machine take one thread:
those of llama.cpp wait for each other without sleeping. With --kept, answers are kept in a file as they come, and what was cut
off goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from studio.app import build_services
from studio.chat.engine import Engine
from studio.chat.protocol import Generate, Reply
from studio.chat.request_handler import RequestHandler
from studio.domain.conversation import Conversation, Message, Role
from studio.errors import AfinaError
from studio.services.chat_targets import ask_of, find_subject
from studio.settings import Settings
from studio.sharing.exporters.write_gguf import write
from studio.sharing.gguf.precision import GgufPrecision
from studio.storage.workspace import RunFolder, Workspace
from tests.browser import chromium
from tests.sharing.llama_cpp import llama_cpp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", type=GgufPrecision, action="append", choices=list(GgufPrecision))
    parser.add_argument("--kept", type=Path)
    args = parser.parse_args()
    kept = KeptAnswers(args.kept)
    precisions = args.precision or [GgufPrecision.F16, GgufPrecision.Q8_0]
    services = build_services(Settings())
    run = services.workspace.run(args.run)
    asked = pairs(run)[: args.questions]
    questions, expected = [pair[0] for pair in asked], [pair[1] for pair in asked]
    own = kept.of("fp32", questions, lambda rest: whole_precision(services.workspace, args.run, rest))
    figures: dict[str, Any] = {"questions": len(asked), "studio_fp32_right": _same(own, expected)}
    chat = kept.of("chat", questions, lambda rest: services.chats.answer_all(args.run, rest))
    print(json.dumps(figures | {"chat_equal": _same(chat, own), "chat_right": _same(chat, expected)}), flush=True)
    model_dir = services.workspace.model(json.loads(run.model.read_text(encoding="utf-8"))["id"])
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        with llama_cpp(browser, services.workspace.home, Path(name)) as llama:
            for precision in precisions:
                path = Path(made) / f"{precision}.gguf"
                write(run, model_dir, path, precision, "benchmark", "")
                llama.load(path, args.threads)
                asked_now = [question for question in questions if question not in kept.answers(precision)]
                tokens, began = 0, time.monotonic()
                for question in asked_now:
                    reply = llama.ask(question, most=256)
                    tokens += reply["usage"]["completion_tokens"]
                    kept.add(precision, question, reply["text"].strip())
                seconds = time.monotonic() - began
                said = [kept.answers(precision)[question] for question in questions]
                figures = {
                    "precision": precision.value,
                    "megabytes": round(path.stat().st_size / 1e6, 1),
                    "equal": _same(said, own),
                    "right": _same(said, expected),
                    "tokens_a_second": round(tokens / seconds, 1) if asked_now else None,
                }
                print(json.dumps(figures), flush=True)
                for question, ours, theirs in zip(questions, own, said, strict=True):
                    if ours != theirs:
                        print(
                            json.dumps({"question": question, "studio": ours, "llama.cpp": theirs}, ensure_ascii=False)
                        )
    services.close()


class KeptAnswers:
    """Answers by way and question, kept in a file as they come.

    Args:
        path: of JSON lines; None keeps them only here.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._found: dict[str, dict[str, str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path and path.is_file() else ():
            way, question, text = json.loads(line)
            self.answers(way)[question] = text

    def answers(self, way: str) -> dict[str, str]:
        return self._found.setdefault(way, {})

    def add(self, way: str, question: str, text: str) -> None:
        self.answers(way)[question] = text
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([way, question, text], ensure_ascii=False) + "\n")

    def of(self, way: str, questions: Sequence[str], ask: Callable[[Sequence[str]], Sequence[str]]) -> list[str]:
        """Those that are there, and the rest asked."""
        rest = [question for question in questions if question not in self.answers(way)]
        for question, text in zip(rest, ask(rest) if rest else (), strict=True):
            self.add(way, question, text)
        return [self.answers(way)[question] for question in questions]


def whole_precision(workspace: Workspace, run_id: str, questions: Sequence[str]) -> list[str]:
    """What the studio's engine says with sums in fp32, whatever is fastest on this processor."""
    import torch

    subject = find_subject(workspace, run_id, needs_tuned=True)
    model_dir = workspace.model(subject.model_id)
    replies: list[Reply] = []
    handler = RequestHandler(model_dir, lambda: Engine(model_dir, torch.float32), replies.append)
    answers = []
    for question in questions:
        ask = ask_of("own", subject, (Message(role=Role.USER, content=question),), True)
        handler.take(Generate(id="own", client="benchmark", asks=(ask,), stream=False, max_tokens=256))
        while handler.is_busy:
            handler.step()
        if (problem := replies[-1].problem) is not None:
            raise AfinaError(problem.code, **problem.params)
        answers.append(replies[-1].texts.get("own", "").strip())
    return answers


def _same(found: list[str], expected: list[str]) -> int:
    return sum(" ".join(one.split()) == " ".join(other.split()) for one, other in zip(found, expected, strict=True))


def pairs(run: RunFolder) -> list[tuple[str, str]]:
    """First questions and answers: those of the exam, then others kept aside, then those that were learned."""
    found: dict[str, str] = {}
    for path in (run.exam, run.held_out, run.train):
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            said = {turn.role: turn.content for turn in reversed(Conversation.model_validate_json(line).messages)}
            found.setdefault(said[Role.USER], said[Role.ASSISTANT].strip())
    return list(found.items())


if __name__ == "__main__":
    main()
