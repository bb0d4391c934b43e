"""The files by which iOS and Android believe that an app may open our links."""

import shutil

import pytest

from connectors.collector import apps
from connectors.collector.pages import Pages
from connectors.content.template import CONTENT, TemplateError

FINGERPRINT = ":".join(["1A"] * 32)
DECLARED = f"""
apps:
  ios: [A1B2C3D4E5.com.example.shop]
  android:
    - package: com.example.shop
      sha256_cert_fingerprints: ["{FINGERPRINT}"]
"""


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """`declare(yaml)`: pages that have this as well."""

    def write(text):
        content = tmp_path / "content"
        shutil.copytree(CONTENT, content)
        with (content / "pages" / "pages.yml").open("a") as stream:
            stream.write(text)
        monkeypatch.setattr(apps, "Pages", lambda: Pages(content))

    return write


def test_declared_apps_may_open_click_links_and_no_others(declare, visit):
    declare(DECLARED)
    apple, android = (visit("get", path) for path in (apps.APPLE, apps.ANDROID))
    assert apple.json() == {
        "applinks": {"details": [{"appIDs": ["A1B2C3D4E5.com.example.shop"], "components": [{"/": "/c/*"}]}]}
    }
    assert android.json() == [
        {
            "relation": ["delegate_permission/common.handle_all_urls"],
            "target": {
                "namespace": "android_app",
                "package_name": "com.example.shop",
                "sha256_cert_fingerprints": [FINGERPRINT],
            },
        }
    ]
    assert {answer.headers["content-type"] for answer in (apple, android)} == {"application/json"}


def test_without_an_app_there_is_no_file(visit):
    assert [visit("get", path).status_code for path in (apps.APPLE, apps.ANDROID)] == [404, 404]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("A1B2C3D4E5.com", "com"),
        (FINGERPRINT, FINGERPRINT.lower()),
        ("package: com.example.shop", "package: shop"),
        ("ios:", "windows:"),
    ],
)
def test_a_wrong_declaration_is_told_with_its_place(declare, visit, right, wrong):
    declare(DECLARED.replace(right, wrong))
    with pytest.raises(TemplateError, match=r"pages\.yml: apps\."):
        visit("get", apps.APPLE)
