"""Which apps may open the links of messages: the association files of iOS and Android.

https://developer.apple.com/documentation/xcode/supporting-associated-domains and
https://developer.android.com/training/app-links/configure-assetlinks: both platforms fetch them over HTTPS
from the host of the links, and follow no redirect. Only click links go to an app; what concerns consent
stays in the browser. The app opens the link like any other and goes where the redirect says.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.collector.dependencies import Dependencies
from connectors.collector.limits import refusal
from connectors.collector.pages import Apps, Pages

APPLE = "/.well-known/apple-app-site-association"
ANDROID = "/.well-known/assetlinks.json"
CLICKS = "/c/*"


def association_files(apps: Apps) -> dict[str, Any]:
    """The files by their paths; only of platforms that have an app."""
    files: dict[str, Any] = {}
    if apps.ios:
        details = [{"appIDs": list(apps.ios), "components": [{"/": CLICKS}]}]
        files[APPLE] = {"applinks": {"details": details}}
    if apps.android:
        files[ANDROID] = [
            {
                "relation": ["delegate_permission/common.handle_all_urls"],
                "target": {
                    "namespace": "android_app",
                    "package_name": app.package,
                    "sha256_cert_fingerprints": list(app.sha256_cert_fingerprints),
                },
            }
            for app in apps.android
        ]
    return files


def routes(_deps: Dependencies) -> list[Route]:
    """Both files; 404 for a platform without an app."""
    files = association_files(Pages().spec.apps)

    async def show(request: Request) -> Response:
        if request.url.path not in files:
            raise refusal(404, "no app is declared in pages.yml")
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return JSONResponse(files[request.url.path], headers=headers)

    return [Route(path, show, methods=["GET"]) for path in (APPLE, ANDROID)]
