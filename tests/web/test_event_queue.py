"""The queue of clicks answers every one of them, and does nothing while nobody clicks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
import uvicorn
from fastapi import FastAPI
from gradio_client import Client

from studio.web.network import listen
from studio.web.ui.patches.event_queue import WakingQueue
from tests.training.runs import wait_for


class CountingQueue(WakingQueue):
    """Counts how often it is looked into."""

    looks = 0

    def __len__(self) -> int:
        self.looks += 1
        return int(super().__len__())


def double(number: int) -> int:
    time.sleep(number % 3 / 100)
    return 2 * number


@pytest.fixture
def served() -> Iterator[tuple[CountingQueue, str]]:
    """A page with a function of two places in a queue of three."""
    with gr.Blocks(analytics_enabled=False) as page:
        gr.api(double, api_name="double", concurrency_limit=2)
    page.queue()
    page._queue = CountingQueue(live_updates=True, concurrency_count=3, update_intervals=1, max_size=None, blocks=page)
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(gr.mount_gradio_app(FastAPI(), page, path="/"), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield page._queue, f"http://127.0.0.1:{listener.getsockname()[1]}"
    page._queue.close()
    server.should_exit = True
    thread.join()


def test_every_click_is_answered_and_nothing_looks_for_more(served: tuple[CountingQueue, str]) -> None:
    queue, address = served

    def person(first: int) -> list[int]:
        client = Client(address, verbose=False)
        jobs = [client.submit(number, api_name="/double") for number in range(first, first + 10)]
        return [job.result(timeout=60) for job in jobs]

    with ThreadPoolExecutor(4) as people:
        assert [*people.map(person, range(4))] == [[2 * n for n in range(k, k + 10)] for k in range(4)]

    def rests() -> bool:  # the last event may end a moment after its result is there
        looks = queue.looks
        time.sleep(0.2)
        return queue.looks == looks

    wait_for(rests)
