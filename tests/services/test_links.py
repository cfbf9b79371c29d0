"""Demo links through the service: made, refused, switched off and on, counted."""

from __future__ import annotations

import threading
import time

import pytest

from studio.domain.project import ChosenBy
from studio.domain.proof import VoteTally
from studio.domain.vote import Choice
from studio.errors import AfinaError
from studio.services.chat_targets import find_subject
from studio.services.exports import ExportService
from studio.services.links import LinkService
from studio.services.projects import ProjectService
from studio.settings import Settings
from studio.sharing.link_passwords import matches
from studio.sharing.links import LinkStore
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import write_atomic
from studio.storage.manifest import write_manifest
from studio.storage.workspace import RunFolder, Workspace


def keep_adapter(folder: RunFolder) -> None:
    """As after the first step: an adapter that is whole by its checksums, whatever is in it."""
    adapter = folder.adapters / "step-000001"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text("{}", encoding="utf-8")
    write_manifest(adapter)
    write_atomic(folder.best, '{"step": 1, "adapter": "adapters/step-000001"}')


def add_run(workspace: Workspace, run_id: str = "run-1", *, kept: bool = True) -> str:
    """A run in the database and on disk, with a kept model or without."""
    with workspace.database.session() as session:
        if session.get(ProjectRow, "project-1") is None:
            session.add(ProjectRow(id="project-1", name="Loja", created_at=0.0, updated_at=0.0))
            session.flush()
        session.add(
            RunRow(
                id=run_id,
                project_id="project-1",
                name="Primeiro treino",
                created_at=time.time(),
                state="finished",
                position=1.0,
                model_id="tiny-llama",
                model_name="Tiny Llama",
                train_examples=1,
                held_out_examples=1,
            )
        )
    folder = workspace.run(run_id)
    folder.path.mkdir(parents=True)
    if kept:
        keep_adapter(folder)
    return run_id


@pytest.fixture
def links(workspace: Workspace) -> LinkService:
    add_run(workspace)
    return LinkService(workspace)


def test_a_link_is_found_again_by_another_process(links: LinkService, workspace: Workspace) -> None:
    made = links.create("run-1", "  Pão  da Vila ", [" Abre  domingo? ", "", "Tem pão sem glúten?"], "pt")
    reopened = Workspace.open(workspace.settings)
    assert LinkService(reopened).open(made.token) == made
    reopened.database.close()
    assert made.title == "Pão da Vila"
    assert made.questions == ("Abre domingo?", "Tem pão sem glúten?")


def test_a_link_closes_with_its_deleted_project_and_opens_when_it_is_back(
    links: LinkService, workspace: Workspace
) -> None:
    made = links.create("run-1", "Padaria")
    projects = ProjectService(workspace)
    projects.delete("project-1")
    with pytest.raises(AfinaError, match=r"link\.closed"):
        links.open(made.token)
    assert links.list() == []
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        links.create("run-1", "Padaria")
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        find_subject(workspace, "run-1", needs_tuned=False)
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        ExportService(workspace).start("run-1", "adapter")
    projects.restore("project-1")
    assert links.open(made.token) == made


def test_tokens_are_long_and_differ(links: LinkService) -> None:
    tokens = {links.create("run-1", "Demo").token for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 22 for token in tokens)  # 128 bits in base 64


def test_switched_off_and_on_again_at_the_same_address(links: LinkService) -> None:
    token = links.create("run-1", "Demo").token
    links.revoke(token)
    with pytest.raises(AfinaError, match=r"link\.closed"):
        links.open(token)
    assert not links.list("run-1")[0].is_open
    links.reopen(token)
    assert links.open(token).is_open


def test_a_deleted_link_is_gone_with_its_counts(links: LinkService) -> None:
    token, kept = links.create("run-1", "Demo").token, links.create("run-1", "Other").token
    links.delete(token)
    assert [link.token for link in links.list()] == [kept]
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        links.delete(token)


def test_what_visitors_see_is_changed_and_kept(links: LinkService, workspace: Workspace) -> None:
    token = links.create("run-1", "Demo", ["Abre?"], shows_before=False).token
    assert not links.open(token).shows_before
    assert links.choose(token, shows_before=True).shows_before
    changed = links.suggest(token, ["Fecha?"], ChosenBy.ANSWER)
    assert LinkService(workspace).open(token) == changed
    assert (changed.questions, changed.chosen_by) == (("Fecha?",), ChosenBy.ANSWER)


def test_an_unknown_token_is_not_found(links: LinkService) -> None:
    for act in (links.open, links.revoke, links.reopen, links.delete):
        with pytest.raises(AfinaError, match=r"general\.not_found"):
            act("nobody-made-this")


@pytest.mark.parametrize(
    ("title", "questions", "code"),
    [
        (" \n ", (), "link.no_title"),
        ("x" * 121, (), "link.long_title"),
        ("Demo", ("a", "b", "c", "d"), "link.many_questions"),
        ("Demo", ("x" * 201,), "link.long_question"),
    ],
)
def test_what_is_refused(links: LinkService, title: str, questions: tuple[str, ...], code: str) -> None:
    with pytest.raises(AfinaError) as caught:
        links.create("run-1", title, questions)
    assert caught.value.code == code
    assert links.list() == []


def test_a_run_without_a_kept_model_gets_no_link(workspace: Workspace) -> None:
    add_run(workspace, "run-2", kept=False)
    with pytest.raises(AfinaError, match=r"link\.not_ready"):
        LinkService(workspace).create("run-2", "Demo")
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        LinkService(workspace).create("run-3", "Demo")


def test_links_are_listed_a_run_at_a_time_newest_first(links: LinkService, workspace: Workspace) -> None:
    add_run(workspace, "run-2")
    first = links.create("run-1", "First")
    second = links.create("run-2", "Second")
    assert [link.token for link in links.list()] == [second.token, first.token]
    assert [link.token for link in links.list("run-1")] == [first.token]


def test_counts_lose_nothing_when_many_come_at_once(links: LinkService) -> None:
    made = links.create("run-1", "Demo")

    def visit() -> None:
        for _ in range(10):
            links.count_visit(made)
            links.count_answer(made)

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    link = links.open(made.token)
    assert (link.visits, link.answers) == (40, 40)
    assert [(day.visits, day.answers) for day in links.days(made.token)] == [(40, 40)]


def test_a_link_closes_when_its_time_is_over_and_can_be_opened_again(
    links: LinkService, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, never = links.create("run-1", "Um dia", days=1), links.create("run-1", "Sempre")
    assert links.open(day.token).expires_at == pytest.approx(day.created_at + 86_400, abs=5)
    later = time.time() + 86_500
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(AfinaError, match=r"link\.closed"):
        links.open(day.token)
    assert links.open(never.token).is_open
    assert links.list()[0].is_open != links.list()[1].is_open
    assert links.reopen(day.token).is_open
    for options in ({"days": 0}, {"per_hour": -1}, {"per_hour": 10**9}):
        with pytest.raises(AfinaError, match=r"link\.bad_limit"):
            links.create("run-1", "Padaria", **options)  # type: ignore[arg-type]


def test_the_questions_of_an_hour_outlive_a_restart_and_end_with_it(links: LinkService, settings: Settings) -> None:
    link = links.create("run-1", "Padaria", per_hour=2)
    links.take_question(link)
    links.take_question(link)
    restarted = Workspace.open(settings)
    with pytest.raises(AfinaError, match=r"demo\.hour_used_up") as refused:
        LinkService(restarted).take_question(link)
    assert refused.value.params == {"n": 60, "limit": 2}
    links.give_question_back(link)
    LinkService(restarted).take_question(link)
    now = time.time()
    assert LinkStore(restarted.database, clock=lambda: now + 1800).take_question(link.token) == pytest.approx(
        1800, abs=60
    )
    assert LinkStore(restarted.database, clock=lambda: now + 3700).take_question(link.token) == 0
    beside = LinkStore(
        restarted.database, clock=lambda: now + 3699.9
    )  # looked at the clock before the other, and came after
    assert beside.take_question(link.token) == 0
    assert beside.take_question(link.token) > 0, "both were of one hour"
    assert LinkStore(restarted.database, clock=lambda: now).take_question(link.token) == 0, "a clock that was set back"
    restarted.database.close()


def test_the_numbers_of_a_link_are_sums_a_day_and_by_the_run_that_answered(
    links: LinkService, workspace: Workspace
) -> None:
    add_run(workspace, "run-2")
    made = links.create("run-1", "Demo")
    yesterday = LinkStore(workspace.database, clock=lambda: time.time() - 86_400)
    yesterday.count(made, visits=1, after=1)
    links.count_visit(made)
    links.count_answer(made, handed_over=True)
    links.count_vote(made, Choice.BOTH_BAD)
    updated = links.answer_with(made.token, "run-2")
    links.count_vote(updated, Choice.AFTER)
    links.count_suggestion(updated)
    first, second = links.days(made.token)
    assert second.day - first.day == 1
    assert (first.visits, first.votes) == (1, VoteTally(after=1))
    assert (second.visits, second.answers, second.handed_over, second.suggestions) == (1, 1, 1, 1)
    assert second.votes == VoteTally(after=1, both_bad=1)
    assert links.votes("run-1") == VoteTally(after=1, both_bad=1)
    assert links.votes("run-2") == VoteTally(after=1)
    assert links.open(made.token).visits == 2
    links.delete(made.token)
    assert links.days(made.token) == []
    links.count_visit(updated)  # somebody was on the page when it was deleted


def test_an_updated_bot_keeps_its_address_and_answers_for_no_other_project(
    links: LinkService, workspace: Workspace
) -> None:
    add_run(workspace, "run-2")
    add_run(workspace, "run-3", kept=False)
    made = links.create("run-1", "Demo", ["Abre domingo?"])
    assert links.answer_with(made.token, "run-2") == made.model_copy(update={"run_id": "run-2"})
    with pytest.raises(AfinaError, match=r"link\.not_ready"):
        links.answer_with(made.token, "run-3")
    with workspace.database.session() as session:
        session.add(ProjectRow(id="project-2", name="Outra", created_at=0.0, updated_at=0.0))
        session.flush()
        session.get_one(RunRow, "run-1").project_id = "project-2"
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        links.answer_with(made.token, "run-1")


def test_a_password_is_kept_as_a_digest_and_can_be_changed_and_taken_away(
    links: LinkService, workspace: Workspace
) -> None:
    made = links.create("run-1", "Demo", password="  pão de queijo ")
    assert made.password_digest is not None
    assert matches("pão de queijo", made.password_digest)
    assert not matches("pao de queijo", made.password_digest)
    assert "queijo" not in made.password_digest
    assert "digest" not in repr(made)
    other = links.create("run-1", "Demo", password="pão de queijo")
    assert other.password_digest != made.password_digest  # a salt each
    for word in ("abc", "a" * 81):
        with pytest.raises(AfinaError, match=r"link\.bad_password"):
            links.set_password(made.token, word)
    assert links.set_password(made.token, "").password_digest is None
