"""The templates of the screens: all can be read, and a line break in one shows nothing."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment, UndefinedError

from studio.i18n.catalog import catalog
from studio.web.templating import JoinedLines
from studio.web.ui.components import _templates, render


@pytest.mark.parametrize("name", _templates().list_templates())
def test_every_template_can_be_read(name: str) -> None:
    _templates().get_template(name)


def test_line_breaks_beside_tags_show_nothing() -> None:
    source = "<p>\n  {{ one }}\n  <b>two\n  three</b>\n</p>"
    page = Environment(loader=DictLoader({"page": source}), extensions=[JoinedLines]).get_template("page")
    assert page.render(one="1\n<") == "<p>1\n<<b>two\n  three</b></p>"


def test_what_a_person_wrote_is_escaped_and_what_is_missing_is_an_error() -> None:
    assert "&lt;i&gt;" in render(catalog("en"), "examples/plots_table", heads=["<i>"], rows=[])
    with pytest.raises(UndefinedError):
        render(catalog("en"), "examples/plots_table", heads=[])
