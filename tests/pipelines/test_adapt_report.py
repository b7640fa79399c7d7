"""The verdict of `idfree adapt`'s report."""

from idfree.pipelines.adapt_report import give_verdict
from idfree.show.report import render_page


def test_the_model_is_compared_with_colour():
    better = give_verdict({"model": {"error": 0.01}, "colour": {"error": 0.02}})
    assert "better than plain colour" in better
    assert "1.00 %" in better
    assert "no better than plain colour" in give_verdict({"model": {"error": 0.02}, "colour": {"error": 0.02}})
    assert "Too few" in give_verdict({"model": {}, "colour": {"error": 0.02}})


def test_the_page_fits_phones_and_begins_with_the_lead():
    page = render_page("a", {"t": [["x"], ["1"]]}, [], {}, ["first & last"])
    assert "name=viewport" in page
    assert page.index("first &amp; last") < page.index("<h2>")
