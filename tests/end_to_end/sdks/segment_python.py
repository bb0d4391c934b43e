"""Segment's Python SDK, unmodified: its host is changed, and its queue holds everything that is sent here."""

import sys

from segment import analytics

analytics.host, analytics.write_key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
analytics.gzip = True
analytics.max_queue_size = count + 5
given_up = []
analytics.on_error = lambda _error, batch: given_up.extend(batch)
for number in range(count):
    analytics.track(f"user-{number}", "Tick", {"number": number})
analytics.identify("ann", {"email": "ann@example.com"})
analytics.page("ann", None, "Home")
analytics.screen("ann", None, "Home")
analytics.group("ann", "tea club")
analytics.alias("visitor", "ann")
analytics.shutdown()
sys.exit(1 if given_up else 0)
