"""Content: templates, brand, rendering and lint."""

from connectors.content.lint import Finding, lint_templates
from connectors.content.renderer import Renderer, open_renderer

__all__ = ["Finding", "Renderer", "lint_templates", "open_renderer"]
