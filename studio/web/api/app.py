"""The routes of the API: ``/v1/models`` and ``/v1/chat/completions``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from studio.domain.api_key import ApiKey
from studio.errors import AfinaError, from_exception
from studio.i18n.catalog import Catalog, catalog, negotiate
from studio.services.chat_targets import find_subject, finished_runs
from studio.storage.trash import is_in_trash
from studio.web.answer_updates import EventStream, Permission
from studio.web.api.completions import Answer
from studio.web.api.errors import as_api_error, error_response
from studio.web.api.limits import KeyLimits
from studio.web.api.requests import BASE, MAX_BODY, Completion, parse_completion
from studio.web.guards.addresses import client_network

if TYPE_CHECKING:
    from studio.services.api_keys import ApiKeyService
    from studio.services.chats import ChatService
    from studio.services.trusted_answers import TrustedAnswerService
    from studio.storage.workspace import Workspace

PREFIX: Final = "/v1"
_LOG: Final = logging.getLogger(__name__)


class ApiServices(Protocol):
    """The services that the API needs; :class:`studio.services.container.Services` has them."""

    @property
    def workspace(self) -> Workspace: ...
    @property
    def keys(self) -> ApiKeyService: ...
    @property
    def chats(self) -> ChatService: ...
    @property
    def trust(self) -> TrustedAnswerService: ...


def api_app(services: ApiServices) -> FastAPI:
    """The API, to be mounted at :data:`PREFIX`.

    Args:
        services: keys, answers, and the runs of a workspace.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    limits = KeyLimits()

    @app.exception_handler(HTTPException)
    async def missing(request: Request, error: HTTPException) -> Response:
        async def answer(key: ApiKey) -> Response:
            raise AfinaError("api.no_route", method=request.method, path=request.url.path[:200])

        return await _with_key(request, services, limits, answer)  # without one, nobody learns what there is

    @app.get("/models")
    async def models(request: Request) -> Response:
        async def answer(key: ApiKey) -> Response:
            found = await run_in_threadpool(_models, services)
            return JSONResponse({"object": "list", "data": found})

        return await _with_key(request, services, limits, answer)

    @app.get("/models/{model}")
    async def model(request: Request, model: str) -> Response:
        async def answer(key: ApiKey) -> Response:
            found = {known["id"]: known for known in await run_in_threadpool(_models, services)}
            if model not in found:
                raise AfinaError("api.no_model", model=model[:80])
            return JSONResponse(found[model])

        return await _with_key(request, services, limits, answer)

    @app.post("/chat/completions")
    async def completions(request: Request) -> Response:
        async def answer(key: ApiKey) -> Response:
            asked = parse_completion(request.headers.get("content-type", ""), await _body(request))
            turns = asked.turns()
            await run_in_threadpool(_require_model, services, asked)
            limits.enter(key)
            left = ExitStack()
            left.callback(limits.leave, key)
            with left:
                await run_in_threadpool(services.keys.count, key)
                permission = Permission(partial(_require, services, key, asked))
                answer = Answer(services.chats, services.trust, asked, turns, f"key {key.id}", permission)
                if not asked.stream:
                    return await _unless_gone(request, answer.whole)
                events = answer.events(_text(request))
                return EventStream(events, left.pop_all().close, media_type="text/event-stream")

        return await _with_key(request, services, limits, answer)

    return app


async def _with_key(
    request: Request, services: ApiServices, limits: KeyLimits, answer: Callable[[ApiKey], Awaitable[Response]]
) -> Response:
    """Answers who shows a key; whatever goes wrong is told as OpenAI would."""
    try:
        return await answer(await _key(request, services, limits))
    except Exception as error:
        known = as_api_error(from_exception(error))
        if known.code == "api.failed":
            _LOG.exception("A request of the API failed")
        return error_response(known, _text(request))


async def _key(request: Request, services: ApiServices, limits: KeyLimits) -> ApiKey:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    try:
        return await run_in_threadpool(services.keys.authenticate, shown.strip() if scheme.lower() == "bearer" else "")
    except AfinaError as error:
        if error.code == "api.wrong_key":
            limits.wrong(client_network(request))
        raise


def _models(services: ApiServices) -> list[dict[str, Any]]:
    return [
        {
            "id": run.id + ending,
            "object": "model",
            "created": int(run.created_at),
            "owned_by": "afina",
            "name": run.name,
        }
        for run in finished_runs(services.workspace)
        for ending in ("", BASE)
    ]


def _require_model(services: ApiServices, asked: Completion) -> None:
    """Refuses what cannot answer, before anything is counted."""
    try:
        find_subject(services.workspace, asked.run_id, needs_tuned=asked.is_tuned)
    except AfinaError as error:
        if error.code in ("general.not_found", "chat.not_ready", "run.damaged"):
            raise AfinaError("api.no_model", model=asked.model[:80], param="model") from error
        raise


def _require(services: ApiServices, key: ApiKey, asked: Completion) -> None:
    """Whether an answer may go on: the key is open, and the run is still there."""
    services.keys.require_open(key.id)
    if is_in_trash(services.workspace.database, asked.run_id):
        raise AfinaError("api.no_model", model=asked.model[:80], param="model")


async def _unless_gone(request: Request, work: Callable[[], Awaitable[dict[str, Any]]]) -> Response:
    """The answer as JSON; one that nobody waits for any more is given up."""
    response = Response(status_code=499)
    failure: Exception | None = None

    async with anyio.create_task_group() as group:

        async def listen() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(listen)
        try:
            response = JSONResponse(await work(), headers={"Cache-Control": "no-store"})
        except Exception as error:  # a task group would wrap it
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return response


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise AfinaError("api.big_body", limit_kb=MAX_BODY // 1000)
    return bytes(body)


def _text(request: Request) -> Catalog:
    return catalog(negotiate(request.headers.get("accept-language")))
