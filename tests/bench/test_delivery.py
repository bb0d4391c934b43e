"""The bench of delivery still runs; how fast is for `make bench` to say."""

from io import StringIO

import pytest
from rich.console import Console

from tests.bench.delivery import CASES, Cost, http_table, mail_table, memory_table
from tests.bench.far_ends import far_end

FAR_ENDS = {"wire": "smtp", "usual": "smtp", "millrace": "smtp", "calls": "http", "fan_out": "http"}


@pytest.mark.parametrize(("case", "kind"), FAR_ENDS.items())
def test_every_message_of_a_case_reaches_its_provider(case, kind):
    with far_end(kind) as end:
        cost = CASES[case](20, end.port)
    assert end.taken["messages"] == cost.messages == (2 if case == "usual" else 20)


def test_a_send_list_is_dealt_with_without_a_wire():
    assert CASES["memory"](30).messages == 30


def test_the_tables_name_every_figure():
    paper = StringIO()
    cost = Cost(messages=1000, seconds=2.0, cpu_seconds=1.0, peak_gib=0.5)
    for table in (mail_table(cost, cost, cost), http_table(cost, cost), memory_table([cost])):
        Console(file=paper, width=200).print(table)
    assert [paper.getvalue().count(figure) for figure in ("500", "1.0 (1.0)", "512")] == [6, 3, 1]
