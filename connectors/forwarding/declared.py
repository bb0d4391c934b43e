"""What `webhooks.yml` declares, as it is written: no network, no secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class WebhooksError(ValueError):
    """The file cannot be used; every mistake on a line of its own."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Declared(_Strict):
    """One system: where posts go, of what it is told, under which name its secret is found."""

    url: str
    events: tuple[str, ...] = ()
    secret: str | None = None
    allow_private: bool = False


class _File(_Strict):
    webhooks: dict[Name, Declared] = {}


def read_declared(path: Path) -> dict[str, Declared]:
    """The systems of a file by name: the names that flows may call with `webhook:`.

    Raises:
        WebhooksError: with every mistake of form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _File.model_validate(content or {}).webhooks
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WebhooksError(f"{path.name}: cannot be read: {type(error).__name__}") from error
    except ValidationError as error:
        lines = (f"{path.name}: {'.'.join(map(str, at['loc']))}: {at['msg']}" for at in error.errors())
        raise WebhooksError("\n".join(lines)) from error
