"""The plots in a real browser: opened, read, a point clicked, its row found in the table; on a phone nothing sticks out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from studio.i18n import catalog
from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.model]


def test_a_point_of_the_map_leads_to_its_row(browser: Browser, shared_server: Server) -> None:
    text = catalog("pt")
    context = browser.new_context(locale="pt-BR", viewport={"width": 390, "height": 844})
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if "127.0.0.1" not in request.url else None)
    page.goto(f"{shared_server.address}/pt/")
    page.locator("#home-sample").click()
    expect(page).to_have_url(re.compile("step=model"))
    page.goto(page.url.replace("step=model", "step=examples"))
    page.get_by_role("tab", name=text("examples.plots.tab")).click()
    expect(page.locator("#plots-map .js-plotly-plot .point").first).to_be_visible()
    expect(page.locator("#plots-map-head")).to_contain_text(text("examples.plots.proof.all_topics", n=24))
    expect(page.locator("#plots-topics-head")).to_contain_text(text("examples.plots.topics.several", n=24))
    expect(page.locator("#plots-languages-head")).to_contain_text(text("examples.plots.language.pt"))
    expect(page.locator("#plots-waiting")).to_have_count(0)
    expect(page.locator("#plots-helper")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#plots-map .scatterlayer .trace:last-child .point").nth(3).click(force=True)
    question = page.locator("#plots-chosen .asks").inner_text().splitlines()[-1]
    page.locator("#plots-chosen [data-action=in-table]").click()
    expect(page.locator("#examples-search textarea, #examples-search input").first).to_have_value(question)
    expect(page.locator("#examples-table")).to_be_visible()
    context.close()
    assert [complaint for complaint in complaints if not complaint.startswith(("data:", "blob:"))] == []
