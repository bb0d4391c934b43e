"""A template's files: what it says about itself, and its body with partials and brand filled in.

A template is a folder `templates/<channel>/<name>/` with `template.yml` and, for e-mail, `template.mjml`.
A partial is `<mj-include path="footer" />`: the file `footer.mjml` of the template's own folder, else of the
template that it `extends`, else of `partials/`. So a use overrides a section by laying a file beside, and
touches no original.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from babel.localedata import locale_identifiers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from connectors.errors import ConnectorError

CONTENT = Path(__file__).parent
INCLUDE = re.compile(r'<mj-include\s+path="([\w/-]+)"\s*/>')
BRAND = re.compile(r"\{\{\s*brand\.([\w.]+)\s*\}\}")
DEEPEST_INCLUDE = 5
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where libyaml is there; flows are checked against their templates on every tick."""
LANGUAGES = frozenset(code for code in locale_identifiers() if "_" not in code)


class TemplateError(ConnectorError):
    """A template that cannot be used: the message says which file and what to change."""


class Variant(BaseModel):
    """What an A/B arm changes; the rest is the template's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str | None = None
    preheader: str | None = None


class ActionSpec(BaseModel):
    """A button of a push; without `url` it only dismisses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: str
    url: str | None = None


class ApprovedTemplate(BaseModel):
    """The template that WhatsApp has approved; only its parameters can vary.

    Attributes:
        name: as approved.
        languages: Meta's language code → Twilio's Content SID, or null when only the Cloud API sends it.
        parameters: texts for {{1}}, {{2}} … of its body, in order. When the approved template has a button,
            its address must be `<public url>/c/{{1}}`, and `url` says where that leads.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    languages: Annotated[dict[str, str | None], Field(min_length=1)]
    parameters: list[str] = Field(default_factory=list)


def known_language(code: str) -> str:
    """The code of a language that has names for months: "en", "de"."""
    if code not in LANGUAGES:
        raise ValueError(f'unknown language "{code}": write a code such as en, de or fr')
    return code


class TemplateSpec(BaseModel):
    """`template.yml`.

    Attributes:
        description: one sentence for the people who pick templates.
        message_class: marketing templates must carry an unsubscribe link.
        language: of its words, which dates then follow; the brand's when it is not said.
        extends: another template of the same channel whose body and sections are used unless overridden.
        subject: subject of an e-mail, title of a push.
        preheader: the line that a mailbox shows after the subject.
        text: body of an SMS or push; what a WhatsApp message reads like.
        url: where a push, or the button of a WhatsApp message, leads.
        image: address of a picture for a push, an MMS or the head of a WhatsApp message; empty: none.
        actions: buttons of a push.
        approved: of a WhatsApp message, see `ApprovedTemplate`.
        variants: by the arm names of `ab_test`.
        sample: its own `entry` and `payload`, merged over `sample.yml`: example and schema in one.
        optional: paths of that sample which a real message may lack.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    message_class: Literal["marketing", "operational", "transactional"] = "marketing"
    language: Annotated[str, AfterValidator(known_language)] | None = None
    extends: str | None = None
    subject: str | None = None
    preheader: str | None = None
    text: str | None = None
    url: str | None = None
    image: str | None = None
    actions: Annotated[list[ActionSpec], Field(max_length=3)] = Field(default_factory=list)
    approved: ApprovedTemplate | None = None
    variants: dict[str, Variant] = Field(default_factory=dict)
    sample: dict[str, Any] = Field(default_factory=dict)
    optional: list[str] = Field(default_factory=list)

    def subject_of(self, variant: str | None) -> str:
        """The subject for an arm; one that the template does not know gets the template's own."""
        return self._varied("subject", variant)

    def preheader_of(self, variant: str | None) -> str:
        """The preheader for an arm."""
        return self._varied("preheader", variant)

    def texts(self) -> list[str]:
        """Everything in `template.yml` that is filled per recipient."""
        texts = [self.subject, self.preheader, self.text, self.url, self.image]
        texts += [text for action in self.actions for text in (action.title, action.url)]
        texts += self.approved.parameters if self.approved else []
        texts += [text for arm in self.variants.values() for text in (arm.subject, arm.preheader)]
        return [text for text in texts if text]

    def _varied(self, field: Literal["subject", "preheader"], variant: str | None) -> str:
        arm = self.variants.get(variant or "")
        return (getattr(arm, field) if arm else None) or getattr(self, field) or ""


class Library:
    """All templates below a folder, and the brand."""

    def __init__(self, folder: Path = CONTENT) -> None:
        self.folder = folder
        self.brand: dict[str, Any] = _read_yaml(folder / "brand.yml")
        shared = _read_yaml(folder / "sample.yml")
        self.sample: dict[str, Any] = shared["sample"]
        self.optional: list[str] = shared["optional"]
        self.spec = cache(self._read_spec)

    def names(self) -> list[str]:
        """Every template as `<channel>/<name>`, sorted."""
        templates = self.folder / "templates"
        return sorted(
            path.parent.relative_to(templates).as_posix() for path in templates.glob("*/*/template.yml")
        )

    def body(self, name: str) -> str:
        """The MJML of an e-mail template, partials and brand filled in."""
        return self._fill(self._find(name, "template"), name)

    def sample_context(self, name: str) -> dict[str, Any]:
        """A complete example of what the template is given."""
        own = self.spec(name).sample
        empty: dict[str, Any] = {"entry": {}, "payload": {}}
        return empty | self.sample | own | {"profile": self.sample["profile"] | own.get("profile", {})}

    def language_of(self, name: str) -> str:
        """The language in which a template is written."""
        return self.spec(name).language or str(self.brand["locale"]).partition("_")[0]

    def _read_spec(self, name: str) -> TemplateSpec:
        path = self.folder / "templates" / name / "template.yml"
        try:
            return TemplateSpec.model_validate(_read_yaml(path))
        except FileNotFoundError as error:
            place = f"connectors/{path.relative_to(self.folder.parent)}"
            raise TemplateError(f"no template {name}: create {place}") from error
        except ValidationError as error:
            problem = error.errors()[0]
            allowed = ", ".join(TemplateSpec.model_fields)
            where = ".".join(str(part) for part in problem["loc"])
            raise TemplateError(
                f"{name}/template.yml: {where}: {problem['msg']}; allowed: {allowed}"
            ) from error

    def _find(self, name: str, part: str) -> str:
        """The text of a part: the template's own, its base's, or the shared one."""
        folders = [self.folder / "templates" / name, self.folder / "partials"]
        base = self.spec(name).extends
        if base:
            folders.insert(1, self.folder / "templates" / base)
        for folder in folders:
            if (folder / f"{part}.mjml").exists():
                return (folder / f"{part}.mjml").read_text()
        raise TemplateError(f"{name}: no {part}.mjml beside it, and none in connectors/content/partials")

    def _fill(self, text: str, name: str, depth: int = 0) -> str:
        if depth > DEEPEST_INCLUDE:
            raise TemplateError(f"{name}: partials include each other")
        text = INCLUDE.sub(lambda match: self._fill(self._find(name, match[1]), name, depth + 1), text)
        return BRAND.sub(lambda match: str(self._brand(match[1], name)), text)

    def _brand(self, path: str, name: str) -> object:
        value: Any = self.brand
        for part in path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise TemplateError(f"{name}: brand.{path} is not in brand.yml")
            value = value[part]
        return value


def _read_yaml(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(path.read_text(), Loader=LOADER)  # noqa: S506  (a safe loader)
    return loaded
