"""What an exported page reads questions with has the studio's numbers: tokens, vectors and decisions, in Chromium."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from studio.domain.conversation import Conversation
from studio.encoders.encoder import Encoder
from studio.encoders.question_encoder import load_question_encoder
from studio.encoders.sentences import sentence_vectors
from studio.settings import assets_dir
from studio.sharing.gguf.encoder import tokenizer_values, write_encoder
from studio.sharing.sentence_files import sentence_files
from studio.sharing.wllama import wllama_files
from studio.trust.browser import browser_selector
from studio.trust.fitting import fit, known_questions
from studio.trust.index import Floats, Index
from studio.web import demo
from tests.conftest import MODELS
from tests.sharing.llama_cpp import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.model, pytest.mark.browser]

TEXTS = (
    "",
    "   ",
    "Vocês abrem aos domingos?",
    "vcs abrem hj?? qto custa a entrega p/ o bairro São João",
    "Não recebi meu pedido nº 1234567, e agora… será que dá p'ra trocar?",
    "How do I return a pair of shoes I bought last week?",
    "what's your refund policy—30 days, or US$ 12.50?",
    "🥐🥐 quanto custa o croissant? 👩‍👩‍👧‍👦",
    "[CLS] </s> <pad> [SEP]<s>",
    "e\u0301 a\u0315\u0334b ﬁm ½ ™ ª Ｆｕｌｌ　ｗｉｄｔｈ\u200b\u00ad\ufeff",
    "ΟΔΟΣ οδός ς İstanbul ığ STRASSE Straße ẞ",
    "日本語 テスト 北京 กำลังทำอะไร नमस्ते दुनिया שָׁלוֹם",
    "x_y-z\t12,50\r\n<b>$+=^`|~</b>\u0085\u00a0\u2028end \U0001f9ff \ue000",
    "w" * 101 + " " + "\u0378 \U000e0001 \U00020000",
    "Quero saber se entregam aos sábados, " * 54,
    "How much is it? " * 125,
)
_PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import { Tokenizer, encoder } from "./encoder.js";
import { KnownAnswers } from "./known.js";
import { SentenceEncoder } from "./sentences.js";
import { Wllama } from "./wllama.js";
const json = async (name) => (await fetch(name)).json();
window.cut = async (texts) => { const tokenizer = new Tokenizer(await json("tokenizer.json")); return texts.map((text) => tokenizer.ids(text)); };
window.load = async () => {
  const wllama = new Wllama({ default: "./wllama.wasm" }, { suppressNativeLog: true });
  const sizes = { n_ctx: 128, n_batch: 128, n_ubatch: 128, n_parallel: 1, n_threads: 1, n_gpu_layers: 0 };
  await wllama.loadModel([await (await fetch("encoder.gguf")).blob()], { ...sizes, embeddings: true, pooling_type: "mean" });
  window.encode = encoder(wllama, new Tokenizer(await json("tokenizer.json")));
};
window.unpack = async () => {
  const packed = (await fetch("sentences.gz")).body.pipeThrough(new DecompressionStream("gzip"));
  const sentences = new SentenceEncoder(await json("sentences.json"), await new Response(packed).arrayBuffer());
  window.sentence = async (text) => Array.from(sentences.encode(text));
};
window.decide = async (texts) => {
  const values = await json("known.json"), known = new KnownAnswers(values), said = [];
  known.useVectors(values, [window.encode, window.sentence]);
  for (const text of texts) said.push(await known.decide(text));
  return said;
};
window.read = async (texts, name) => { const all = []; for (const text of texts) all.push(await window[name](text)); return all; };
window.there = true;
</script>"""


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Callable[[], Page]]:
    """A page with the scripts of an exported one, in ``tmp_path``."""
    for name in ("encoder.js", "known.js", "sentences.js"):
        shutil.copyfile(Path(demo.__file__).parent / "site_static" / name, tmp_path / name)
    sentences = {path.name: path for path in sentence_files(MODELS.parent)}
    for name, path in (wllama_files(MODELS.parent) | sentences).items():
        shutil.copyfile(path, tmp_path / name)
    (tmp_path / "index.html").write_text(_PAGE, encoding="utf-8")
    with served(tmp_path) as address:
        page = browser.new_page()

        def go() -> Page:
            page.goto(address)
            page.wait_for_function("() => window.there")
            return page

        yield go
        page.close()


def vectors(page: Page, name: str) -> Floats:
    return np.array(page.evaluate("(given) => window.read(...given)", [list(TEXTS), name]), np.float32)


@pytest.mark.parametrize("name", ["minilm", "multilingual"])
def test_the_page_cuts_texts_as_the_studio_does(
    name: str, opened: Callable[[], Page], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    encoder = Encoder.load(request.getfixturevalue(name))
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer_values(encoder)), encoding="utf-8")
    found = opened().evaluate("(texts) => window.cut(texts)", list(TEXTS))
    expected = [encoder.tokenizer.encode(encoder.traits.prefix + text).ids for text in TEXTS]
    for text, mine, theirs in zip(TEXTS, found, expected, strict=True):
        assert mine == theirs, text
    assert max(map(len, expected)) == 128, "one is too long to be read whole"


def test_the_page_reads_and_decides_as_the_studio_does(
    minilm: Path, opened: Callable[[], Page], tmp_path: Path
) -> None:
    encoder = load_question_encoder(minilm)
    write_encoder(encoder, tmp_path / "encoder.gguf", tmp_path / "tokenizer.json")
    with (assets_dir() / "samples" / "en.train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:64]
    known = known_questions([Conversation.pair(row["question"], row["answer"]) for row in rows], "en")
    selector = fit(Index.of(known, encoder.encode))
    (tmp_path / "known.json").write_text(json.dumps(browser_selector(selector, 0.1)), encoding="utf-8")
    page = opened()
    page.evaluate("() => Promise.all([window.load(), window.unpack()])")
    assert ((vectors(page, "encode") * encoder.encode(TEXTS)).sum(axis=1) > 0.997).all(), "eight bits a weight"
    assert np.allclose(vectors(page, "sentence"), sentence_vectors(TEXTS), atol=1e-4)
    with (assets_dir() / "samples" / "en.heldout.csv").open(encoding="utf-8") as file:
        asked = [*[row["question"] for row in csv.DictReader(file)][:16], "Hello!", "What is the capital of Peru?"]
    found: list[dict[str, Any]] = page.evaluate("(texts) => window.decide(texts)", asked)
    expected = selector.decide(tuple(asked), encoder.encode(asked), 0.1)
    outside = selector.probabilities(tuple(asked), encoder.encode(asked))[:, -2:].sum(axis=1)
    threshold = selector.curve.level(0.1).threshold
    # What lies on an edge may fall to either side of it by the eight bits of the weights.
    clear = [
        place
        for place, one in enumerate(expected)
        if abs(outside[place] - selector.outside_limit) > 0.03 and abs(one.confidence - threshold) > 0.03
    ]
    assert len(clear) > len(asked) - 4
    assert {expected[place].kind for place in clear} >= {"known", "handed_over"}
    for place in clear:
        mine, theirs = expected[place], found[place]
        assert (theirs["kind"], theirs["answer"]) == (mine.kind.value, mine.answer), asked[place]
        assert theirs["confidence"] == pytest.approx(mine.confidence, abs=0.03)


@pytest.mark.slow
def test_the_encoder_of_other_languages_reads_as_the_studio_does(
    multilingual: Path, opened: Callable[[], Page], tmp_path: Path
) -> None:
    encoder = load_question_encoder(multilingual)
    write_encoder(encoder, tmp_path / "encoder.gguf", tmp_path / "tokenizer.json")
    assert (tmp_path / "encoder.gguf").stat().st_size < 80_000_000, "its words in the four bits in which they came"
    page = opened()
    page.evaluate("() => window.load()")
    assert ((vectors(page, "encode") * encoder.encode(TEXTS)).sum(axis=1) > 0.999).all()
