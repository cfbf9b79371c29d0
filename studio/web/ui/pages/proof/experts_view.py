"""By topic in words and numbers; the test and the measures for experts; what can be taken away."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.proof import Proof
from studio.sharing.proof_report.sentences import shown_p
from studio.web.downloads import PROOF
from studio.web.ui.charts_proof import topic_scores
from studio.web.ui.components import Ui, join, wrapped

_TABLE: Final = Markup(
    '<details id="proof-topics-table"><summary>{title}</summary><table class="af-sums af-figures"><thead><tr>{head}</tr>'
    "</thead><tbody>{rows}</tbody></table></details>"
)
_HEAD: Final = Markup('<th scope="col">{}</th>')
_ROW: Final = Markup('<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>')
_LINE: Final = Markup("<p>{}</p>")
_HELP: Final = Markup("<dt>{}</dt><dd>{}</dd>")
_SMALL: Final = Markup('<p class="af-small af-muted">{}</p>')
_TAKE: Final = Markup(
    '<section class="af-card" id="proof-take-away"><div><h3>{}</h3><p class="af-small af-muted">{}</p></div>'
    '<div class="af-row">{}</div></section>'
)
_FILE: Final = Markup('<a class="af-button small" id="proof-as-{ending}" href="..{path}" download>{label}</a>')


def render_topics(ui: Ui, proof: Proof) -> str:
    """The weakest topic, and the numbers of all."""
    text, scores = ui.text, topic_scores(ui.text, proof.answers)
    if not scores:
        return wrapped(Markup('<p class="af-muted">{}</p>').format(text("proof.topics.none")))
    weakest = scores[0]
    reading = text("proof.topics.reading", name=weakest.name, right=weakest.after, asked=weakest.asked)
    columns = ("topic", "asked", "before", "after")
    table = _TABLE.format(
        title=text("proof.topics.title"),
        head=join(_HEAD.format(text(f"proof.topics.col_{column}")) for column in columns),
        rows=join(_ROW.format(score.name, score.asked, score.before, score.after) for score in scores),
    )
    return wrapped(Markup('<p class="af-reading">{}</p>').format(reading), table)


def render_experts(ui: Ui, proof: Proof) -> str:
    """Which measure decides and why, the test, and how it was made."""
    text, headline = ui.text, proof.headline.value
    why = text(
        "proof.experts.why",
        metric=text(f"proof.metric.{headline}"),
        why=text(f"proof.headline.{headline}"),
        help=text(f"proof.metric.{headline}.help"),
    )
    difference = proof.difference
    test = text(
        "proof.experts.test",
        discordant=proof.discordant,
        p=shown_p(text, proof.p),
        value=text.number(difference.value, 3),
        low=text.number(difference.low, 3),
        high=text.number(difference.high, 3),
    )
    versions = ", ".join(f"{name} {version}" for name, version in proof.versions.items())
    made = text(
        "proof.experts.made",
        model=proof.base_model,
        examples=text.number(proof.train_examples),
        time=text.duration(proof.seconds),
        versions=versions,
    )
    names = [result.metric.value for result in proof.metrics]
    helps = join(_HELP.format(text(f"proof.metric.{name}"), text(f"proof.metric.{name}.help")) for name in names)
    listed = Markup('<dl class="af-facts">{}</dl>').format(helps)
    return wrapped(_LINE.format(why), _LINE.format(test), listed, _SMALL.format(made))


def render_take_away(ui: Ui, run_id: str, against: str | None) -> str:
    """The report and the figures; the address is relative to the studio's, which begins with the language."""
    text, reports = ui.text, ui.services.reports
    query = f"?language={text.locale}" + (f"&against={against}" if against else "")
    files = join(
        _FILE.format(ending=ending, path=f"{PROOF}/{run_id}.{ending}{query}", label=text(f"proof.take.{ending}"))
        for ending in reports.endings()
    )
    return wrapped(_TAKE.format(text("proof.take.title"), text("proof.take.why"), files))
