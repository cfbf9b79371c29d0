"""The desk of a chat worker: takes requests, lets rows join and leave the batch, sends text back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from studio.chat.batch_decoder import BatchDecoder, Row
from studio.chat.engine import START_OF_TURN, Engine
from studio.chat.prompts import fit_prompt
from studio.chat.protocol import Ask, Cancel, Generate, Reply, Warm
from studio.chat.sampling import Sampling
from studio.chat.scheduler import FairQueue, Unit
from studio.chat.text import TextStream
from studio.data.checks.language_detection import language
from studio.domain.problem import Problem, Severity
from studio.errors import AfinaError, from_exception
from studio.models.chat_template import END_OF_TURN, ChatTemplate, is_chat_model

MAX_ROWS: Final = 8
_OF_ONE_CLIENT: Final = 6  # a pair of a newcomer still finds room
_LONGEST_CONTEXT: Final = 4096  # tokens; keys and values of eight longer rows would fill a laptop's memory


@dataclass(eq=False)
class _Job:
    """A request that is being answered."""

    request: Generate
    began: float
    open: set[str]
    running: dict[Row, tuple[str, TextStream]] = field(default_factory=dict)
    decoders: dict[str, BatchDecoder] = field(default_factory=dict)

    def seconds(self) -> float:
        return time.monotonic() - self.began


class RequestHandler:
    """Answers requests with one engine; single-threaded: the worker calls :meth:`step` again and again.

    Args:
        model_dir: folder of the base model.
        load: makes the engine, when it is first needed.
        send: takes each reply.
    """

    def __init__(self, model_dir: Path, load: Callable[[], Engine], send: Callable[[Reply], None]) -> None:
        self._model_dir, self._load, self._send = model_dir, load, send
        self._engine: Engine | None = None
        self._template: ChatTemplate | None = None
        self._is_chat_model = True
        self._jobs: dict[str, _Job] = {}
        self._queue: FairQueue[tuple[str, str]] = FairQueue(MAX_ROWS, _OF_ONE_CLIENT)

    @property
    def is_busy(self) -> bool:
        """Whether somebody is being answered or waits for it."""
        return bool(self._jobs)

    def take(self, request: Generate | Warm | Cancel) -> None:
        """Takes a request; whatever goes wrong is its reply."""
        try:
            match request:
                case Generate():
                    self._generate(request)
                case Warm():
                    self._warm(request)
                case Cancel():
                    self._drop(request.id)
        except Exception as error:
            self._fail(request.id, error)

    def step(self) -> None:
        """Lets waiting rows join, then says a token for every row, and sends what is new."""
        self._admit()
        if self._engine is None:
            return
        try:
            said = self._engine.step()
        except Exception as error:
            for identifier in list(self._jobs):
                self._fail(identifier, error)
            self._engine.drop_all()
            return
        owners = {row: job for job in self._jobs.values() for row in job.running}
        news: dict[str, Reply] = {}
        for row, ending in said:
            if row in owners and owners[row].request.id in self._jobs:
                self._tell(owners[row], row, ending, news)
        for identifier, reply in news.items():
            job = self._jobs.get(identifier)
            if job is None:  # its other row failed
                continue
            done = not job.open
            self._send(reply.model_copy(update={"done": done, "seconds": job.seconds()}))
            if done:
                del self._jobs[identifier]
        self._engine.sweep()

    def _tell(self, job: _Job, row: Row, ending: str | None, news: dict[str, Reply]) -> None:
        """Adds what ``row`` has just said to the reply of its job; a failure ends this job only."""
        try:
            if row.error is not None:
                raise row.error
            self._add(job, row, ending, news)
        except Exception as error:
            self._fail(job.request.id, error)

    def _add(self, job: _Job, row: Row, ending: str | None, news: dict[str, Reply]) -> None:
        key, text = job.running[row]
        piece = text.push(row.ids[-1]) if ending != "stop" else ""
        if text.is_stopped and ending is None:
            row.is_over, ending = True, "stop"
        if ending is not None:
            piece += text.finish()
            del job.running[row]
            job.open.discard(key)
            piece = piece if job.request.stream else text.text
        elif not job.request.stream:
            return
        if not piece and ending is None:
            return
        reply = news.setdefault(job.request.id, Reply(id=job.request.id))
        if piece:
            reply.texts[key] = piece
        if ending is not None:
            reply.ended[key] = ending
            reply.tokens[key] = len(row.ids)
            reply.prompt_tokens[key] = len(row.prompt)

    def _generate(self, request: Generate) -> None:
        if not request.asks:
            raise AfinaError("chat.empty")
        self._ready()
        self._jobs[request.id] = _Job(request, time.monotonic(), {ask.id for ask in request.asks})
        keys = [(request.id, ask.id) for ask in request.asks]
        units = [tuple(keys)] if request.together else [(key,) for key in keys]
        for rows in units:
            self._queue.add(Unit(request.client, rows))

    def _admit(self) -> None:
        if not len(self._queue) or self._engine is None:
            return
        active = [job.request.client for job in self._jobs.values() for _ in job.running]
        joining: dict[BatchDecoder, list[Row]] = {}
        for unit in self._queue.take(active):
            try:
                for identifier, key in unit.rows:
                    job = self._jobs[identifier]
                    ask = next(ask for ask in job.request.asks if ask.id == key)
                    decoder, row = self._row(job, ask)
                    job.running[row] = key, self._text(ask, job.request.stop)
                    joining.setdefault(decoder, []).append(row)
            except Exception as error:
                self._fail(unit.rows[0][0], error)
        for decoder, rows in joining.items():
            left = [row for row in rows if not row.is_over]
            try:
                decoder.join(left)
            except Exception as error:  # no memory for their keys and values
                for identifier in [i for i, job in self._jobs.items() if job.running.keys() & set(left)]:
                    self._fail(identifier, error)

    def _row(self, job: _Job, ask: Ask) -> tuple[BatchDecoder, Row]:
        engine, template = self._ready()
        context = min(engine.context, _LONGEST_CONTEXT)
        limit = max(1, min(job.request.max_tokens, context // 2))
        if self._is_plain(ask):
            template = template.as_plain_text(language(" ".join(turn.content for turn in ask.turns)))
        prompt = fit_prompt(template, engine.tokenizer, ask.turns, context - limit)
        if prompt.dropped:
            notice = Problem(code="chat.turns_dropped", severity=Severity.NOTE, params={"n": prompt.dropped})
            self._send(Reply(id=job.request.id, notice=notice))
        sampling = Sampling(job.request.temperature, job.request.top_p, job.request.seed)
        return engine.row(prompt.ids, limit, Path(ask.tuned) if ask.tuned else None, sampling)

    def _is_plain(self, ask: Ask) -> bool:
        """Whether the base is asked, and was never taught to chat."""
        return ask.tuned is None and not self._is_chat_model

    def _text(self, ask: Ask, stop: Sequence[str]) -> TextStream:
        engine, template = self._ready()
        stops = {token for token in (*END_OF_TURN, *START_OF_TURN) if token in template.source or token == template.eos}
        return TextStream(engine.tokenizer.decode, [*sorted(stops), *stop], one_line=self._is_plain(ask))

    def _warm(self, request: Warm) -> None:
        engine, _ = self._ready()
        decoder, row = engine.row([0], 1, Path(request.tuned) if request.tuned else None, Sampling())
        if not self._jobs:  # the first pass through a model is slow
            decoder.join([row])
            try:
                engine.step()
            finally:
                engine.drop_all()
            if row.error is not None:
                raise row.error
        self._send(Reply(id=request.id, done=True))

    def _ready(self) -> tuple[Engine, ChatTemplate]:
        if self._engine is None or self._template is None:
            self._template = ChatTemplate.load(self._model_dir)
            self._is_chat_model = is_chat_model(self._model_dir)
            self._engine = self._load()
        return self._engine, self._template

    def _drop(self, identifier: str) -> None:
        job = self._jobs.pop(identifier, None)
        if job is None:
            return
        self._queue.remove((identifier, ask.id) for ask in job.request.asks)
        for row in job.running:
            row.is_over = True
        if self._engine is not None:
            self._engine.sweep()

    def _fail(self, identifier: str, error: Exception) -> None:
        self._drop(identifier)
        self._send(Reply(id=identifier, problem=Problem.of(from_exception(error)), done=True))
