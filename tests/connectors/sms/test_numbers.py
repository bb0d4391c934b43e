"""Numbers are compared in the warehouse's spelling."""

import duckdb
import jinja2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.sms.numbers import normal_phone

WAREHOUSE = duckdb.connect()
WRITTEN = st.text(alphabet=" +0123456789()-./x", max_size=20)


@settings(max_examples=200, deadline=None)
@example("0043 660 123-4567")
@example(" +43 (660) 1234567")
@example("0660/1234567")
@given(phone=WRITTEN)
def test_a_phone_is_spelled_as_the_warehouse_spells_it(request, phone):
    macros = (request.config.rootpath / "dbt" / "macros" / "identifiers.sql").read_text()
    expression = jinja2.Environment().from_string(macros).module.normal_phone("phone")
    ((spelled,),) = WAREHOUSE.execute(f"select {expression} from (select ? as phone)", [phone]).fetchall()
    assert normal_phone(phone) == (spelled or "")
