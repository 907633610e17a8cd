"""Modules joined to the script of a page: what is left out, and what is refused."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import hiddenstate
from hiddenstate.web.joining import compact, joined, ordered, source, trimmed

ROOT = Path(hiddenstate.__file__).parent

TWICE = """// Doubles numbers.

/** How often. @type {number} */
const TIMES = 2;

/**
 * Returns twice a number.
 * @param {number} x
 */
export function twice(x) {
  // A comment.
  if (x) {
    return /** @type {number} */ (TIMES * x); // not a line of its own
  }
  return 0;
}
export const none = null;
"""

USE = """import { none, twice } from "../lib/twice.js";
import "../lib/twice.js";

console.log(twice(21), none);
"""

PLAIN = """"use strict";
const TIMES = 2;
function twice(x) {
 if (x) {
  return (TIMES * x);
 }
 return 0;
}
const none = null;
console.log(twice(21), none);"""


def join(modules: Mapping[str, str], before: tuple[str, ...] = ()) -> str:
    return joined([name for name in modules if name not in before], before, modules.__getitem__)


def test_modules_become_one_script_without_comments_imports_and_exports() -> None:
    assert join({"lib/twice.js": TWICE, "page/use.js": USE}) == PLAIN


def test_a_script_may_use_the_names_of_one_before_it() -> None:
    modules = {"lib/twice.js": TWICE, "page/use.js": USE}
    assert join(modules, ("lib/twice.js",)) == '"use strict";\nconsole.log(twice(21), none);'


def test_functions_that_nothing_calls_are_left_out() -> None:
    script = "function a() {\n b();\n}\nfunction b() {\n}\nconst c = (x) => x;\nconst d = [c];\n"
    assert trimmed(script) == "const c=(x)=>x;const d=[c];"


def test_no_space_is_left_that_does_not_matter() -> None:
    code = '  const a = (b) => (b ? .5 : - b);\n  say("a , b", /c = d/);\n  return [a];'
    assert compact(code) == 'const a=(b)=>(b?.5:- b);say("a , b", /c = d/);return[a];'
    assert compact('say("a , b" , `c = ${d / 2}` / e);') == 'say("a , b",`c = ${d / 2}` / e);'
    assert compact("say( `a = ${b ? `, ` : c}`);") == "say( `a = ${b ? `, ` : c}`);"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_does_what_the_modules_do(tmp_path: Path) -> None:
    modules = {"lib/twice.mjs": TWICE, "page/use.mjs": USE.replace(".js", ".mjs")}
    for name, text in modules.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "script.js").write_text(compact(join({"lib/twice.js": TWICE, "page/use.js": USE})))
    said = [
        subprocess.run(["node", tmp_path / name], capture_output=True, check=True).stdout
        for name in ("page/use.mjs", "script.js")
    ]
    assert said == [b"42 null\n"] * 2


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('import { other } from "./a.js";', "a.js does not export other"),
        ('import { hidden } from "./a.js";', "a.js does not export hidden"),
        ('import { own } from "./c.js";', "c.js is not among the modules before it"),
        ('import { own } from "./b.js";', "b.js is not among the modules before it"),
        ('import { own as mine } from "./a.js";', "expected import"),
        ('import {\n  own,\n} from "./a.js";', "expected import"),
        ('import * as a from "./a.js";', "expected import"),
        ('import a from "./a.js";', "expected import"),
        ('import { own } from "https://a.example/a.js";', "expected import"),
        ('import { own } from "./a.js"', "expected import"),
        ("export default 3;", "no other import or export"),
        ("export { own };", "no other import or export"),
        ('export * from "./a.js";', "no other import or export"),
        ('  import { own } from "./a.js";', "no other import or export"),
        ('const a = await import("./a.js");', "no other import or export"),
        ("const here = import.meta.url;", "no other import or export"),
        ("const own = 4;", r"expected another than d/a.js to declare"),
        ("function hidden() {}", r"expected another than d/a.js to declare"),
        ("export const { x } = y;", "expected one name a line to declare"),
        ("const text = `a\nb`;", "the end of a template"),
    ],
)
def test_what_cannot_be_joined_is_refused(line: str, match: str) -> None:
    first = "export const own = 1;\nconst hidden = 2;\n"
    with pytest.raises(ValueError, match=rf"d/b\.js: .*{match}"):
        join({"d/a.js": first, "d/b.js": f"const before = 1;\n{line}\n"})


PAGES = [
    ("report/html/page.js",),
    *(("report/html/page.js", f"report/html/{name}.js") for name in ("codes", "live", "forecast")),
    *(
        (f"export/html/{name}.js",)
        for name in ("pictures", "signals", "sounds", "waves", "forecasts", "forms")
    ),
    *((f"export/html/code_{name}.js",) for name in ("pictures", "sounds", "fields", "curves")),
]
"""What each page begins with."""


def test_modules_come_after_those_that_they_import() -> None:
    modules = {"page/use.js": USE, "lib/twice.js": TWICE}
    assert ordered(["page/use.js"], read=modules.__getitem__) == ("lib/twice.js", "page/use.js")
    assert ordered(["page/use.js"], ["lib/twice.js"], modules.__getitem__) == ("page/use.js",)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page[-1])
def test_the_modules_of_a_page_are_one_script(page: tuple[str, ...]) -> None:
    assert joined(ordered(page)).startswith('"use strict";')


def test_every_module_is_in_a_page() -> None:
    there = {str(path.relative_to(ROOT)) for path in ROOT.glob("*port/html/*.js")}
    assert {name for page in PAGES for name in ordered(page)} >= there


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_shared_modules_need_no_page_to_be_imported(tmp_path: Path) -> None:
    shared = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("web/*.js"))
    assert shared
    for name in shared:
        path = tmp_path / name.replace(".js", ".mjs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r'^(import .*)\.js";$', r'\1.mjs";', source(name), flags=re.M))
    lines = "".join(f'import "./{name.replace(".js", ".mjs")}";\n' for name in shared)
    (tmp_path / "all.mjs").write_text(lines)
    done = subprocess.run(["node", tmp_path / "all.mjs"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
