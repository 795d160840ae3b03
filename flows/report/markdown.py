"""Markdown that models and designs wrote, as safe HTML: no raw HTML, no images, links to the web only."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

HEADING = "h5"  # below every heading of the page, whatever level the text claims


def render_markdown(text: str) -> Markup:
    """The text as HTML that can stand inside a section of the page."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    parser.validateLink = lambda url: url.startswith(("https://", "http://"))  # type: ignore[method-assign]
    parser.add_render_rule("link_open", _open_link)
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = HEADING
        if token.type in ("th_open", "td_open"):
            token.attrs.pop("style", None)  # the page's policy allows no inline style
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def _open_link(self: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return str(self.renderToken(tokens, index, options, env))  # type: ignore[attr-defined]
