"""Segment's Python SDK, unmodified: only its host is changed."""

import sys

from segment import analytics

analytics.host, analytics.write_key, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
analytics.gzip = True
for number in range(count):
    analytics.track(f"user-{number}", "Tick", {"number": number})
analytics.identify("ann", {"email": "ann@example.com"})
analytics.page("ann", None, "Home")
analytics.screen("ann", None, "Home")
analytics.group("ann", "tea club")
analytics.alias("visitor", "ann")
analytics.shutdown()
