"""A chatbot that is a folder: a page that answers in the visitor's browser, without a server."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from studio.domain.conversation import Message, Role
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.models.chat_template import QUESTION_AND_ANSWER, ChatTemplate, is_chat_model
from studio.sharing.exporters.base import ExportSource
from studio.sharing.exporters.child import Child
from studio.sharing.file_names import slug
from studio.sharing.gguf.precision import GgufPrecision
from studio.sharing.gguf.writer import require_writable
from studio.sharing.proof_report.sentences import verdict_sentence
from studio.sharing.site_page import KnownAnswers, SiteModel, SitePage
from studio.sharing.wllama import wllama_files

_PART: Final = 20_000_000  # bytes of a file: hosts that take no large ones take these
_MOST: Final = (
    1_900_000_000  # bytes of a model; a browser gives a page 4 GB at most, and a model needs about twice its size
)
_QUESTION: Final = "\u241equestion\u241e"


@dataclass(frozen=True)
class SiteExporter:
    """The page, llama.cpp for browsers, the tuned chatbot as GGUF in eight bits, and what reads questions.

    Args:
        with_base: whether visitors see the answer before training, too.
    """

    with_base: bool = False

    @property
    def kind(self) -> str:
        return "site_compare" if self.with_base else "site"

    @property
    def precision(self) -> str:
        return GgufPrecision.Q8_0.name

    def check(self, source: ExportSource) -> None:
        """Refuses what no browser runs: ``export.gguf_architecture``, ``export.gguf_tokenizer``, ``export.site_too_big``."""
        require_writable(source.model_dir)
        if source.card.parameters * GgufPrecision.Q8_0.bytes_a_weight > _MOST:
            raise AfinaError("export.site_too_big", name=source.card.name)

    def size(self, source: ExportSource) -> int:
        """The models, and what runs them."""
        model = int(source.card.parameters * GgufPrecision.Q8_0.bytes_a_weight)
        return model * (2 if self.with_base else 1) + source.reader_bytes + 15_000_000

    def write(self, source: ExportSource, into: Path, child: Child) -> None:
        """Fetches what runs in a browser, writes the models as the GGUF export does, and cuts them into files."""
        for name, path in wllama_files(source.home, child.cancelled).items():
            shutil.copyfile(path, into / name)
        tuned = self._model(source, into, child, "tuned")
        base = self._model(source, into, child, "base") if self.with_base else None
        verdict = (
            {locale: verdict_sentence(catalog(locale), source.proof) for locale in LOCALES} if source.proof else {}
        )
        child.report("deciding")
        known = source.known_answers(child.cancelled)
        readers = self._readers(source, known, into, child) if known else (None, None)
        page = SitePage(
            source.title or source.name, source.questions, source.locale, tuned, base, verdict, known, *readers
        )
        page = replace(page, version=_version(into, source.site_files(page)))
        for name, data in source.site_files(page).items():
            (into / name).write_bytes(data)

    def usage(self, source: ExportSource) -> str:
        """How to see it here, and how to put it online."""
        return f"""On this computer, in this folder:

```sh
python3 -m http.server 8000
```

Then open http://localhost:8000. Opening `index.html` by a double click does not work: browsers let such pages load
nothing.

To put it online, upload all files of this folder, as they are, to any web host:

1. **Hugging Face** (free): new Space, kind "Static", name `{slug(source.name)}`; upload the files under "Files".
2. **GitHub Pages**: a new repository with the files, then Settings, Pages, branch `main`.
3. **Your own web host**: a folder such as `/chatbot/`, by the host's file manager or FTP.

Nothing that a visitor types leaves her device, and there is no account and no bill. What she thinks of answers stays there
too, until she saves it as a file; dropped where examples are brought in, it becomes suggestions.

It reads questions with the multilingual Universal Sentence Encoder (`sentences.*`, Apache-2.0) and, where the studio had one,
with all-MiniLM-L6-v2 (Apache-2.0) or multilingual-e5-small (MIT; both `encoder.gguf.*`).

Whoever has the folder can read what is in it. `known.json` and `known-vectors.json` hold the questions and answers that it learned from, by which
the page finds known answers without the model; an owner who has the model write every answer gets a page without them."""

    def _model(self, source: ExportSource, into: Path, child: Child, which: str) -> SiteModel:
        whole = into / f"{which}.gguf"
        arguments = (source.run.path, source.model_dir, whole, GgufPrecision.Q8_0, source.name, source.reference, which)
        child.run("studio.sharing.exporters.write_gguf", *arguments)
        size, parts = whole.stat().st_size, _cut(whole)
        return SiteModel(parts, size, _plain_prompt(source) if which == "base" else None)

    def _readers(self, source: ExportSource, known: KnownAnswers, into: Path, child: Child) -> list[SiteModel | None]:
        """The encoder, if there is one, and the sentence encoder."""
        child.run("studio.sharing.exporters.write_readers", into, source.home, *filter(None, [known.encoder]))
        files = [into / "encoder.gguf", into / "sentences.gz"]
        sizes = [path.stat().st_size if path.is_file() else 0 for path in files]
        return [SiteModel(_cut(path), size) if size else None for path, size in zip(files, sizes, strict=True)]


def _plain_prompt(source: ExportSource) -> tuple[str, str] | None:
    """What stands around a question to a base that was never taught to chat."""
    if is_chat_model(source.model_dir):
        return None
    template = ChatTemplate.load(source.model_dir)
    bare = ChatTemplate(QUESTION_AND_ANSWER[source.locale], eos=template.eos)
    before, _, after = bare.prompt([Message(role=Role.USER, content=_QUESTION)]).partition(_QUESTION)
    return before, after


def _cut(whole: Path) -> tuple[str, ...]:
    """Cuts a file into parts beside it, and takes the whole away."""
    names: list[str] = []
    with whole.open("rb") as file:
        while part := file.read(_PART):
            names.append(f"{whole.name}.{len(names):03d}")
            (whole.parent / names[-1]).write_bytes(part)
    whole.unlink()
    return tuple(names)


def _version(folder: Path, page: Mapping[str, bytes]) -> str:
    """A digest of what is in a folder and of the page that is to be put there."""
    digest = hashlib.sha256()
    for name, data in (*((path.name, path.read_bytes()) for path in sorted(folder.iterdir())), *sorted(page.items())):
        digest.update(name.encode() + hashlib.sha256(data).digest())
    return digest.hexdigest()[:12]
