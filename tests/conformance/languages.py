"""The six languages as data: the same small programs in each."""

from dataclasses import dataclass

MARK = "/MARK"
"""Stands for the path of a file that `waits` makes."""


@dataclass(frozen=True)
class Language:
    """The programs.

    Attributes:
        name: As execd knows it.
        hello: Prints `hello` and a newline.
        value: Its last expression is 42; None where the language has no such thing.
        keep: Keeps 7 for the next cell.
        kept: Prints what was kept, and a newline.
        both: Prints `out` on standard output and `err` on standard error, each with a newline.
        fails: Fails, and says `boom`.
        rejected: Is no program of the language: it does not parse, or does not compile.
        unicode: Prints `UNICODE` and a newline.
        many: Prints the numbers below 200, each on a line.
        waits: Makes the file `MARK`, then goes on for ever, and would print `never` after that.
    """

    name: str
    hello: str
    value: str | None
    keep: str
    kept: str
    both: str
    fails: str
    rejected: str
    unicode: str
    many: str
    waits: str


UNICODE = "ä €\u0085 \u2028 𝄞 'quoted' \\ end"
_ESCAPED = r"ä €\u0085 \u2028 𝄞 'quoted' \\ end"

PYTHON = Language(
    name="python",
    hello="print('hello')",
    value="x = 40\nx + 2",
    keep="kept = 7",
    kept="print(kept)",
    both="import sys\nprint('out')\nprint('err', file=sys.stderr)",
    fails="raise ValueError('boom')",
    rejected="def boom(:",
    unicode=f'print("{_ESCAPED}")',
    many="for i in range(200):\n    print(i)",
    waits=(
        "import time\nopen('/MARK', 'w').close()\nwhile True:\n    time.sleep(0.1)\nprint('never')"
    ),
)
BASH = Language(
    name="bash",
    hello="echo hello",
    value=None,
    keep="kept=7",
    kept='echo "$kept"',
    both="echo out; echo err >&2",
    fails="echo boom >&2; (exit 3)",
    rejected="if boom fi (",
    unicode=f"cat <<'END'\n{UNICODE}\nEND",
    many="for i in {0..199}; do echo $i; done",
    waits=": > /MARK; while true; do sleep 0.1; done; echo never",
)
JAVASCRIPT = Language(
    name="javascript",
    hello="console.log('hello')",
    value="let x = 40; x + 2",
    keep="let kept = 7",
    kept="console.log(kept)",
    both="console.log('out'); console.error('err')",
    fails="throw new Error('boom')",
    rejected="let let = boom =",
    unicode=f'console.log("{_ESCAPED}")',
    many="for (let i = 0; i < 200; i++) console.log(i)",
    waits="require('fs').writeFileSync('/MARK', ''); while (true) {}; console.log('never')",
)
TYPESCRIPT = Language(
    name="typescript",
    hello="const text: string = 'hello'; console.log(text)",
    value="let x: number = 40; x + 2",
    keep="let kept: number = 7",
    kept="console.log(kept)",
    both="console.log('out'); console.error('err')",
    fails="throw new Error('boom')",
    rejected="const boom: number = 'text'",
    unicode=f'console.log("{_ESCAPED}")',
    many="for (let i: number = 0; i < 200; i++) console.log(i)",
    waits=(
        "import * as fs from 'fs'; fs.writeFileSync('/MARK', '');\n"
        "let on: boolean = true; while (on) {}\nconsole.log('never')"
    ),
)
JAVA = Language(
    name="java",
    hello='System.out.println("hello");',
    value="int x = 40;\nx + 2",
    keep="int kept = 7;",
    kept="System.out.println(kept);",
    both='System.out.println("out"); System.err.println("err");',
    fails='throw new IllegalStateException("boom");',
    rejected='int boom = "text";',
    unicode=f'System.out.println("{_ESCAPED}");',
    many="for (int i = 0; i < 200; i++) { System.out.println(i); }",
    waits=(
        'java.nio.file.Files.createFile(java.nio.file.Path.of("/MARK"));\n'
        "boolean on = true;\nwhile (on) { Thread.sleep(10); }\n"
        'System.out.println("never");'
    ),
)
GO = Language(
    name="go",
    hello='%%\nfmt.Println("hello")',
    value=None,
    keep="var kept = 7",
    kept="%%\nfmt.Println(kept)",
    both='%%\nfmt.Println("out")\nfmt.Fprintln(os.Stderr, "err")',
    fails='%%\npanic("boom")',
    rejected="%%\nboom()",
    unicode=f'%%\nfmt.Println("{_ESCAPED}")',
    many="%%\nfor i := 0; i < 200; i++ {\n\tfmt.Println(i)\n}",
    waits=(
        '%%\nos.WriteFile("/MARK", nil, 0o644)\n'
        'on := true\nfor on {\n\ttime.Sleep(time.Millisecond)\n}\nfmt.Println("never")'
    ),
)

LANGUAGES = (PYTHON, BASH, JAVASCRIPT, TYPESCRIPT, JAVA, GO)
