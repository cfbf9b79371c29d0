"""Attacks on the API, the widget and a demo link of a running studio: ``python -m benchmarks.hostile_doors``.

Everything is on this computer: a server of its own in a temporary folder, with the tiny model. What must hold is asserted;
what was counted is printed as the table of ``benchmarks/hostile.md``.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from studio.app import build_services
from studio.services.container import Services
from studio.settings import Settings
from tests.browser.conftest import Server
from tests.conftest import MODELS, SMOLLM2
from tests.taught import LEARNED, RUN, teach
from tests.tiny_model import make

TITLE: Final = "<script>alert(1)</script> & Padaria"
SITE: Final = "https://shop.example"
ELSEWHERE: Final = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
MARKUP: Final = "Quanto custa?"  # its learned answer is markup
LONG: Final = "Conte tudo o que você sabe."  # not learned: the model goes on until it is cut
QUESTIONS, WORKERS, SLOW, GUESSES = 10_000, 40, 200, 1000


@dataclass(frozen=True)
class Attacked:
    """A door: where it is asked, and how."""

    name: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    model: str = ""

    def body(self, question: str, **more: Any) -> dict[str, Any]:
        if not self.model:
            return {"question": question}
        return {"model": self.model, "messages": [{"role": "user", "content": question}], **more}


@dataclass
class Attack:
    """What is attacked, and what was found."""

    server: Server
    services: Services
    api: Attacked
    demo: Attacked
    widget: Attacked
    key: str
    token: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def doors(self) -> tuple[Attacked, ...]:
        return self.api, self.demo, self.widget

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.server.address, timeout=120, **options)

    def ask(self, door: Attacked, question: str, client: httpx.Client | None = None, **more: Any) -> httpx.Response:
        with self.client() as own:
            return (client or own).post(door.path, json=door.body(question, **more), headers=door.headers)

    def tell(self, tried: str, door: str, held: str) -> None:
        self.rows.append((tried, door, held))
        print(f"| {tried} | {door} | {held} |", flush=True)

    def as_visitor(self, door: Attacked, client: httpx.Client) -> dict[str, str]:
        """Headers of a visitor of her own; the demo page gives a cookie."""
        if door is self.demo:
            client.get(f"/d/{self.token}").raise_for_status()
        if door is self.widget:
            about = client.get(door.path.removesuffix("/ask"), headers=door.headers).json()
            return door.headers | {"afina-visitor": about["visitor"]}
        return door.headers

    def must_answer(self, door: Attacked) -> None:
        """Waits until a door answers a good question: the minute of a limit may have to pass."""
        for _ in range(90):
            reply = self.ask(door, MARKUP)
            if reply.status_code == 200:
                assert said(door, reply).strip() == LEARNED[MARKUP], reply.text
                return
            time.sleep(1)
        raise AssertionError(f"{door.name} does not answer any more: {reply.status_code} {reply.text}")


def said(door: Attacked, reply: httpx.Response) -> str:
    """The tuned answer, whole."""
    if door.model:
        return str(reply.json()["choices"][0]["message"]["content"])
    return "".join(json.loads(line).get("tuned", "") for line in reply.text.splitlines())


def big_questions(attack: Attack) -> None:
    """1 MB in one piece, and as many pieces as it takes."""
    for door in attack.doors:
        body = json.dumps(door.body("x" * 1_000_000)).encode()
        headers = door.headers | {"Content-Type": "application/json"}
        pieces = (body[place : place + 1000] for place in range(0, len(body), 1000))
        with attack.client() as client:
            began = time.perf_counter()
            found = [client.post(door.path, content=content, headers=headers) for content in (body, pieces)]
            taken = time.perf_counter() - began
        assert [reply.status_code for reply in found] == [413, 413], [reply.text for reply in found]
        attack.tell("a question of 1 MB, whole and in pieces", door.name, f"413 twice, {taken / 2 * 1000:.0f} ms each")


def wrong_keys(attack: Attack) -> None:
    wrong: tuple[tuple[Attacked, str, dict[str, str]], ...] = (
        (attack.api, attack.api.path, {"Authorization": "Bearer afina-wrong"}),
        (attack.demo, "/d/AAAAAAAAAAAAAAAAAAAAAAAA/ask", {}),
        (attack.widget, "/d/widget/AAAAAAAAAAAAAAAA/ask", attack.widget.headers),
    )
    for door, path, headers in wrong:
        with attack.client() as client:
            found = Counter(
                client.post(path, json=door.body("oi"), headers=headers).status_code for _ in range(GUESSES)
            )
        assert set(found) <= {401, 403, 404, 429}, found
        attack.must_answer(door)
        attack.tell(f"a wrong key or address, {GUESSES:,} times", door.name, f"{shown(found)}; a right one is answered")


def other_origins(attack: Attack) -> None:
    for door in attack.doors:
        with attack.client() as client:
            headers = door.headers | ELSEWHERE
            replies = [
                client.post(door.path, json=door.body("oi"), headers=headers),
                client.options(door.path, headers=headers | {"Access-Control-Request-Method": "POST"}),
            ]
        assert [reply.status_code for reply in replies] == [403, 403]
        assert not [name for reply in replies for name in reply.headers if name.startswith("access-control-")]
        attack.tell("a page of another origin, and its preflight", door.name, "403 twice, no CORS header")


def markup(attack: Attack) -> None:
    with attack.client() as client:
        page = client.get(f"/d/{attack.token}").text
        about = client.get(attack.widget.path.removesuffix("/ask"), headers=attack.widget.headers)
    assert "<script>alert" not in page
    assert about.json()["title"] == TITLE
    for door in attack.doors:
        reply = attack.ask(door, MARKUP)
        assert reply.headers["content-type"].split(";")[0] in ("application/json", "application/x-ndjson")
        assert reply.headers["x-content-type-options"] == "nosniff"
        shown_as = "JSON that no browser takes for a page" + (
            "" if door is attack.api else "; text on the screen (tests)"
        )
        attack.tell("markup in the title and in an answer", door.name, shown_as)


def ended_in_the_middle(attack: Attack) -> None:
    """A revoked key, and links whose time is over, while answers are being written and others wait."""
    from studio.sharing.links import LinkStore

    keys, store = attack.services.keys, LinkStore(attack.services.workspace.database)
    made, key = keys.add("short-lived")
    base = Attacked("API", attack.api.path, {"Authorization": f"Bearer {key}"}, f"{RUN}:base")

    def revoke() -> None:
        keys.revoke(made.id)

    def expire() -> None:
        store.change(attack.token, expires_at=1.0)

    for door, end, tried in (
        (base, revoke, "a key revoked while 8 ask with it without a pause"),
        (attack.demo, expire, "a link whose time is over while 8 visitors ask without a pause"),
        (attack.widget, expire, "a link whose time is over while 8 visitors ask without a pause"),
    ):
        endings = asked_until(attack, door, end)
        attack.services.links.reopen(attack.token)
        found = Counter(how for how, _ in endings)
        assert set(found) <= {"in the middle", "before the next"}, found
        held = f"{found['in the middle']} ended in the middle with an error, {found['before the next']} before their next question"
        attack.tell(tried, door.name, f"{held}; {max(seconds for _, seconds in endings):.1f} s after it at most")


def asked_until(attack: Attack, door: Attacked, end: Any, number: int = 8) -> list[tuple[str, float]]:
    """How it ended for those who asked one question after the other when ``end`` was called, and how long after it."""
    begun, ended = threading.Barrier(number + 1), [0.0]

    def ask_on(place: int) -> tuple[str, float]:
        more = {"stream": True, "max_tokens": 400} if door.model else {}
        with attack.client() as client:
            headers = attack.as_visitor(door, client)
            begun.wait()
            for turn in range(12):  # as many as a visitor may ask in a minute
                body = door.body(f"{LONG} {place} {turn}", **more)
                with client.stream("POST", door.path, json=body, headers=headers) as reply:
                    if reply.status_code in (401, 410):
                        return "before the next", time.perf_counter() - ended[0]
                    assert reply.status_code == 200, reply.read()
                    last = [line for line in reply.iter_lines() if line][-1]
                if "error" in last:
                    return "in the middle", time.perf_counter() - ended[0]
        return "not at all", 0.0

    with ThreadPoolExecutor(number) as pool:
        found = [pool.submit(ask_on, place) for place in range(number)]
        begun.wait()
        time.sleep(0.3)  # all have asked
        ended[0] = time.perf_counter()
        end()
        return [one.result() for one in found]


def slow_readers(attack: Attack) -> None:
    """Visitors who ask and read nothing: what they asked is over some time, and others are answered."""
    for door in attack.doors:
        with ThreadPoolExecutor(SLOW) as pool, attack.client(limits=httpx.Limits(max_connections=SLOW)) as client:
            body = door.body(LONG, stream=True) if door.model else door.body(LONG)

            def begin(_: int, client: httpx.Client = client, door: Attacked = door, body: Any = body) -> httpx.Response:
                return client.send(
                    client.build_request("POST", door.path, json=body, headers=door.headers), stream=True
                )

            opened = list(pool.map(begin, range(SLOW)))
            found = Counter(reply.status_code for reply in opened)
            page = seconds(attack, "/en/", 5)
            attack.must_answer(attack.api if door is not attack.api else attack.demo)
            for reply in opened:
                reply.close()
        attack.must_answer(door)
        attack.tell(
            f"{SLOW} who ask and read nothing",
            door.name,
            f"{shown(found)}; the studio in {max(page):.2f} s at worst, other doors answer, and this one after them",
        )


def ten_thousand(attack: Attack) -> None:
    assert attack.server.process is not None
    process = psutil.Process(attack.server.process.pid)
    for door in attack.doors:
        before = process.memory_info().rss
        pages: list[float] = []
        is_over = threading.Event()

        def look(pages: list[float] = pages, is_over: threading.Event = is_over) -> None:
            while not is_over.is_set():
                pages.extend(seconds(attack, "/en/", 1))
                time.sleep(0.5)

        looking = threading.Thread(target=look)
        looking.start()
        began = time.perf_counter()
        found: Counter[int] = Counter()

        def many(_: int, door: Attacked = door) -> Counter[int]:
            with attack.client() as client:
                return Counter(attack.ask(door, MARKUP, client).status_code for _ in range(QUESTIONS // WORKERS))

        with ThreadPoolExecutor(WORKERS) as pool:
            for part in pool.map(many, range(WORKERS)):
                found += part
        taken = time.perf_counter() - began
        is_over.set()
        looking.join()
        assert set(found) <= {200, 429}, found
        grown = (process.memory_info().rss - before) / 1e6
        attack.must_answer(door)
        attack.tell(
            f"{QUESTIONS:,} questions over {WORKERS} connections",
            door.name,
            f"{shown(found)} in {taken:.0f} s; the studio in {statistics.median(pages):.2f} s in the middle, "
            f"{max(pages):.2f} s at worst; {grown:+.0f} MB",
        )


def seconds(attack: Attack, path: str, number: int) -> list[float]:
    taken = []
    for _ in range(number):
        began = time.perf_counter()
        httpx.get(attack.server.address + path, timeout=60).raise_for_status()
        taken.append(time.perf_counter() - began)
    return taken


def shown(found: Counter[int]) -> str:
    return ", ".join(f"{status} {number:,} times" for status, number in sorted(found.items()))


@contextmanager
def attacked() -> Iterator[Attack]:
    """A studio with a taught run, a key, a link and a widget."""
    with tempfile.TemporaryDirectory() as folder:
        tiny, home = Path(folder) / "models" / "tiny-llama", Path(folder) / "home"
        tiny.parent.mkdir()
        make(tiny, MODELS / SMOLLM2)
        teach(home, tiny)
        services = build_services(Settings(home=home, models_dir=tiny.parent))
        _, key = services.keys.add("Shop", per_minute=100, per_day=1_000_000)
        link = services.links.create(RUN, TITLE)
        widget = services.widgets.save(link.token, [SITE])
        server = Server(home, environment={"AFINA_MODELS_DIR": str(tiny.parent)})
        server.start()
        try:
            yield Attack(
                server,
                services,
                Attacked("API", "/v1/chat/completions", {"Authorization": f"Bearer {key}"}, RUN),
                Attacked("demo link", f"/d/{link.token}/ask"),
                Attacked("widget", f"/d/widget/{widget.id}/ask", {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}),
                key,
                link.token,
            )
        finally:
            server.stop()
            services.close()
            print(f"log: {(home.parent / 'server.log').stat().st_size} bytes")


def main() -> None:
    with attacked() as attack:
        for act in (markup, big_questions, other_origins, ended_in_the_middle, wrong_keys, slow_readers, ten_thousand):
            act(attack)


if __name__ == "__main__":
    main()
