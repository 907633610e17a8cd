"""Hooks of the site: pages of the project, an entry for every public name, and links that hold.

ProperDocs calls the functions that start with `on_` (its developer guide, "Events").
"""

import ast
import html
import json
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from properdocs.config.defaults import ProperDocsConfig
from properdocs.exceptions import PluginError
from properdocs.structure.files import File, Files
from properdocs.structure.nav import Navigation
from properdocs.structure.pages import Page
from properdocs.utils.templates import TemplateContext

ROOT = Path(__file__).parents[2]

PROJECT = {
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "examples/README.md": "examples.md",
}
"""Pages outside docs/, and what they are called on the site."""

MODULES = ("errors", "nn", "datasets", "views.figures")
"""Public modules beside the package itself."""

LINK = re.compile(r"(?<=\]\()([^)#\s]+)(?=(?:#[^)\s]*)?\))")

PART = "part:"
"""Starts a link to the site's other part while ProperDocs checks the links."""

PLAYED = re.compile(r"^\[([^\]\n]+)\]\(([^)#\s]+/pages/\w+\.html)\)$", re.MULTILINE)
"""A link alone on its line to an exported page, which the site shows above the link."""


def is_chinese(config: ProperDocsConfig) -> bool:
    """Whether this is the Chinese part, docs/zh, which is built into site/zh."""
    return Path(config.docs_dir).name == "zh"


def on_files(files: Files, config: ProperDocsConfig) -> Files:
    """Add the pages of the project and the API reference to the English site."""
    if not is_chinese(config):
        for name, page in PROJECT.items():
            text = (ROOT / name).read_text("utf-8")
            files.append(File.generated(config, page, content=text))
        files.append(File.generated(config, "api.md", content=api_page()))
    files.append(File.generated(config, "assets/site.css", content=style()))
    return files


def on_page_markdown(markdown: str, page: Page, config: ProperDocsConfig, files: Files) -> str:
    """Point links at where their files are on the site, or in the repository.

    An exported page whose link is alone on its line is shown there, too.
    """
    folder = "docs/zh" if is_chinese(config) else "docs"
    if page.file.src_uri == "index.md" and not is_chinese(config):
        page.meta["template"] = "home.html"
    own = {site: source for source, site in PROJECT.items()}
    source = own.get(page.file.src_uri, f"{folder}/{page.file.src_uri}")
    here = posixpath.dirname(source)
    start = posixpath.dirname(f"{folder}/{page.file.src_uri}")

    def moved(link: re.Match[str]) -> str:
        if urlsplit(link[1]).scheme:
            return link[1]
        path = posixpath.normpath(posixpath.join(here, link[1]))
        target = f"docs/{PROJECT[path]}" if path in PROJECT else path
        if not target.startswith("docs/"):
            return f"{config.extra['repository']}/blob/main/{target}"
        link_to = posixpath.relpath(target, start)
        # ProperDocs turns links between pages into links between files, but not those of two parts.
        crosses = target.startswith("docs/zh/") != is_chinese(config)
        return PART + re.sub(r"\.md$", ".html", link_to) if crosses else link_to

    return PLAYED.sub(frame, LINK.sub(moved, markdown))


def on_page_content(content: str, page: Page, config: ProperDocsConfig, files: Files) -> str:
    """Let links to the other part lead there, which ProperDocs does not know."""
    return content.replace(f'href="{PART}', 'href="')


def frame(link: re.Match[str]) -> str:
    """Return a link below a frame that shows the page it leads to."""
    text, page = link.groups()
    attributes = f'src="{page}" title="{html.escape(text)}" loading="lazy"'
    return f"<iframe {attributes}></iframe>\n\n{link[0]}"


def on_page_context(
    context: TemplateContext, page: Page, config: ProperDocsConfig, nav: Navigation
) -> None:
    """Let the choice of the language lead a tutorial to the same page of the other language."""
    english, chinese = config.extra["alternate"]
    if is_chinese(config):
        english["link"] = f"../en/{page.url}"
    else:
        folder, _, name = page.url.rpartition("/")
        chinese["link"] = f"zh/{name if folder == 'en' else 'index.html'}"


def on_post_build(config: ProperDocsConfig) -> None:
    """Write the index of the search as a script, which pages on a disk can read; check every link
    of the whole site, once its last part is built.

    Raises
    ------
    PluginError
        If a link leads to no file, or to no anchor of one, or a page loads anything from elsewhere.
    """
    found = Path(config.site_dir) / "search"
    index = json.loads((found / "search_index.json").read_text("utf-8"))["docs"]
    divided = {each["location"].partition("#")[0] for each in index if "#" in each["location"]}
    sections = [each for each in index if each["location"] not in divided]
    script = f"window.SEARCH = {json.dumps(sections, ensure_ascii=False)};\n"
    (found.parent / "search_index.js").write_text(script, "utf-8")
    shutil.rmtree(found)
    if is_chinese(config):
        problems = list(broken_links(Path(config.site_dir).parent))
        if problems:
            raise PluginError("\n".join(problems))


def style() -> str:
    """Return the style of the site, with colours, text and buttons of the program's own pages."""
    sys.path.insert(0, str(ROOT / "src"))
    from hiddenstate.web.palette import style_of

    return style_of(Path(__file__).with_name("site.css").read_text("utf-8"))


def api_page() -> str:
    """Return the page that has an entry for every public name."""
    lines = ["# API reference", "", "Every public name, from its docstring. [The Python"]
    lines += ["estimators](python.md) explains their use.", ""]
    for name, module in public_names():
        lines += [
            f"## {name}",
            "",
            f"::: {module}",
            "    options:",
            "      show_root_heading: false",
        ]
        lines += ["      heading_level: 3", ""]
    return "\n".join(lines)


def public_names() -> Iterator[tuple[str, str]]:
    """Yield the public names, and where each is defined, as the package's table has them."""
    package = ROOT / "src" / "hiddenstate"
    tree = ast.parse((package / "__init__.py").read_text("utf-8"))
    (table,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PUBLIC"
    )
    del table["__version__"]
    for name, module in table.items():
        yield f"hiddenstate.{name}", f"{module}.{name}"
    for module in MODULES:
        yield f"hiddenstate.{module}", f"hiddenstate.{module}"


class Links(HTMLParser):
    """Collects what a page links to and loads, and the anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each element."""
        values = dict(attrs)
        self.anchors |= {each for each in (values.get("id"), values.get("name")) if each}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        loads = values.get("src") or (values.get("href") if tag == "link" else None)
        if loads and values.get("rel") not in ("canonical", "alternate", "prev", "next", "edit"):
            self.loads.append(loads)


def broken_links(site: Path) -> Iterator[str]:
    """Yield what is wrong with the links between the files of the folder `site`."""
    pages = {path: Links(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        if path.name == "404.html":  # served at any path, so its links start at the address
            continue
        where = path.relative_to(site)
        yield from (f"{where}: loads {link}" for link in page.loads if urlsplit(link).netloc)
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                base = site if parts.path.startswith("/") else path.parent
                target = (base / unquote(parts.path).lstrip("/")).resolve()
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{where}: {link}: no such file"
                continue
            anchors = pages[target].anchors if target in pages else set()
            if parts.fragment and anchors and unquote(parts.fragment) not in anchors:
                yield f"{where}: {link}: no such anchor"
