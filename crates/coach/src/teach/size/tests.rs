use super::*;

#[track_caller]
fn check(text: &str, lines: u32) {
    assert_eq!(size(text, &Project::empty()).lines, lines, "{text}");
}

/// What a coach may say. None of it is code, whatever words of programming it has.
const PROSE: &[&str] = &[
    "What did you expect, and what happened instead?",
    "Let us look at the test first.",
    "let us go back to the test",
    "if the cache is empty, what does the loop do?",
    "If it fails: read the first line of the error.",
    "for each user, the list grows by one",
    "For now, leave the config alone.",
    "while you wait, predict the output",
    "return to the failing test",
    "Return early?",
    "return early",
    "import errors",
    "import order matters here",
    "- import errors\n- type errors\n- test failures",
    "pass or fail",
    "raise questions",
    "assert nothing yet",
    "break it down",
    "continue with phase 2",
    "class notes",
    "new tests",
    "use tests",
    "package main",
    "delete it",
    "throw it away",
    "yes and no",
    "not now",
    "this or that",
    "part in whole",
    "done is better",
    "await results",
    "global state",
    "type errors",
    "var or let?",
    "Which of `var` and `let` is meant here?",
    "The function `parse_config` reads the file `src/config.rs`.",
    "Open `src/auth/session-store.ts` and find `handleCallback`.",
    "Call `save()` and `user.reload()` in your head.",
    "Run `cargo test -p paige-coach` and read the first failure.",
    "Run `npm run build`, then `git diff --stat`.",
    "Try `--verbose` or `-v`.",
    "Does `open|close|delete` or `T | null` fit? What is `paige@local`?",
    "What is the type `Vec<u8>` for? And `Map<string, number>`?",
    "Is `null` the same as `undefined` here?",
    "C++ and C# do it otherwise.",
    "Look at `C++`.",
    "Note (optional)",
    "Careful! (see below)",
    "Check the file(s)",
    "file(s)",
    "See [the guide](https://example.org/guide).",
    "[the guide](https://example.org/a_b?c=d)",
    "https://example.org/a_b?c=d&e=f",
    "**Where** does the value come from?",
    "*Why* there?",
    "_maybe_",
    "# Reproduce it",
    "## What to look at",
    "1. Open the file.\n2. Set a breakpoint.\n3. Run the test.",
    "- [ ] reproduce\n- [x] understand",
    "> You said: it runs twice.",
    "Run tests;\nread the error;\nthink.",
    "- run tests;\n- read errors;",
    "Goal: tests",
    "Expected: 5",
    "Expected: 5, got: 7",
    "Done: true",
    "red, green, refactor",
    "red -> green -> refactor",
    "red => green",
    "for each of them: what is its type?",
    "if it is empty: what then?",
    "while it runs:",
    "Try:\n- a breakpoint\n- a print",
    "else it fails:",
    "the loop\nthe list\nthe cache",
    "Authors:\n- Ada Lovelace (London)\n- Grace Hopper (New York)",
    "Step 1 - reproduce",
    "and/or",
    "src/main.rs",
    "src/main.rs:42",
    "line 42 of auth.ts",
    "user.name",
    "Hmm...",
    "Really?!",
    "Good!",
    "It's the user's cache, isn't it?",
    "\"It works on my machine.\"",
    "You wrote \"twice\" (in the issue): where is that counted?",
    "Settings > Editor > Font",
    "a < b, but why?",
    "50 % of runs fail",
    "Ask yourself: what (if anything) has changed?",
    "TypeError: Cannot read properties of undefined (reading 'name')",
    "    Look at the log first, then say what you see there.",
    "| What | Where |\n|---|---|\n| the cache | the store |",
    "```text\nTypeError: x is undefined\n    at load (store.js:12:3)\n```",
    "```console\n$ cargo test\n```",
    "```\nAnd then the second one is called twice.\n```",
    "Einen Test schreiben, der fehlschlägt (noch ohne Änderung).",
    "什么时候调用这个函数？",
];

#[test]
fn prose_is_never_taken_for_code() {
    let taken: Vec<_> = PROSE
        .iter()
        .filter(|text| size(text, &Project::empty()) != Size::default())
        .collect();
    assert!(taken.is_empty(), "{taken:#?}");
}

/// Code with its number of lines that are neither blank nor comments.
const CODE: &[(&str, &str, u32)] = &[
    (
        "rust",
        "fn total(items: &[Item]) -> u32 {\n    // Adds up.\n    let mut sum = 0;\n\n    for item in items {\n        sum += item.price;\n    }\n    sum\n}",
        7,
    ),
    (
        "rust",
        "let count = items.iter().filter(|item| item.open).count();",
        1,
    ),
    (
        "rust",
        "match load(path) {\n    Ok(text) => parse(&text),\n    Err(error) => return Err(error.into()),\n}",
        4,
    ),
    (
        "rust",
        "#[derive(Debug)]\nstruct Point {\n    x: i32,\n    y: i32,\n}",
        5,
    ),
    (
        "rust",
        "if let Some(user) = users.get(&id) {\n    user.greet();\n}",
        3,
    ),
    (
        "python",
        "def total(items):\n    # Adds up.\n    result = 0\n    for item in items:\n        result += item.price\n\n    return result",
        5,
    ),
    (
        "python",
        "cached = dict(self.values)\nself.values.clear()\nreturn cached",
        3,
    ),
    (
        "python",
        "names = [user.name for user in users if user.active]",
        1,
    ),
    (
        "python",
        "import os\nimport sys\n\nprint(os.getcwd(), sys.argv)",
        3,
    ),
    (
        "python",
        "try:\n    load(path)\nexcept OSError as error:\n    report(error)\nelse:\n    done(path)",
        6,
    ),
    (
        "python",
        "with open(path) as file:\n    return file.read()",
        2,
    ),
    (
        "javascript",
        "useEffect(() => {\n  const timer = setInterval(tick, 1000);\n  return () => clearInterval(timer);\n}, []);",
        4,
    ),
    (
        "javascript",
        "const { data, error } = await fetchUser(id);",
        1,
    ),
    (
        "javascript",
        "if (cache.has(key)) {\n  return cache.get(key);\n} else {\n  cache.set(key, load(key));\n}",
        5,
    ),
    (
        "javascript",
        "export default function App() {\n  return <Main user={user}>Hi</Main>;\n}",
        3,
    ),
    (
        "typescript",
        "interface User {\n  id: number;\n  name: string;\n}",
        4,
    ),
    (
        "typescript",
        "stop(): void {\n  this.cut();\n  this.server.close();\n}",
        4,
    ),
    (
        "rust",
        "pub fn updated(\n    &self,\n    path: &Path,\n) -> Result<(), Error> {\n    self.load();\n}",
        6,
    ),
    ("typescript", "type Handler = (event: Event) => void;", 1),
    (
        "typescript",
        "const total: number = items.reduce((sum, item) => sum + item.price, 0);",
        1,
    ),
    (
        "typescript",
        "export async function load(id: number): Promise<User> {\n  const answer = await fetch(url(id));\n  return answer.json();\n}",
        4,
    ),
    (
        "go",
        "func total(items []Item) int {\n\tsum := 0\n\tfor _, item := range items {\n\t\tsum += item.Price\n\t}\n\treturn sum\n}",
        7,
    ),
    ("go", "if err != nil {\n\treturn nil, err\n}", 3),
    ("go", "go func() {\n\tdefer wg.Done()\n\twork(ch)\n}()", 4),
    (
        "java",
        "public int total(List<Item> items) {\n    int sum = 0;\n    for (Item item : items) {\n        sum += item.getPrice();\n    }\n    return sum;\n}",
        7,
    ),
    (
        "java",
        "private final Map<String, User> users = new HashMap<>();",
        1,
    ),
    (
        "java",
        "try (var reader = open(path)) {\n    return reader.readLine();\n} catch (IOException error) {\n    throw new UncheckedIOException(error);\n}",
        5,
    ),
];

#[test]
fn code_is_found_between_fences() {
    for (language, code, lines) in CODE {
        check(
            &format!("Look:\n\n```{language}\n{code}\n```\n\nWhat does it do?"),
            *lines,
        );
        check(
            &format!("Look:\n\n```\n{code}\n```\n\nWhat does it do?"),
            *lines,
        );
        check(
            &format!("Look:\n\n~~~~ {language} title=x\n{code}\n~~~~"),
            *lines,
        );
        let quoted: String = format!("```{language}\n{code}\n```").replace('\n', "\n> ");
        check(&format!("> {quoted}"), *lines);
        // A fence that is never closed.
        check(&format!("```{language}\n{code}"), *lines);
    }
}

#[test]
fn code_is_found_without_fences() {
    let mut wrong = Vec::new();
    let mut look = |text: String, lines: u32| {
        let found = size(&text, &Project::empty()).lines;
        if found != lines {
            wrong.push((text, lines, found));
        }
    };
    for (_, code, lines) in CODE {
        look((*code).to_owned(), *lines);
        look(
            format!(
                "Here is how it could look in your file:\n\n{code}\n\nDo you see why that is better?"
            ),
            *lines,
        );
        look(
            format!(
                "Here is how it could look in your file:\n{code}\nDo you see why that is better?"
            ),
            *lines,
        );
        look(
            format!("So it goes:\n\n    {}\n", code.replace('\n', "\n    ")),
            *lines,
        );
        look(format!("```text\n{code}\n```"), *lines);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn code_between_backticks_counts_and_names_do_not() {
    check("Write `let x = 5;` there.", 1);
    check("Compare with `x == null` first.", 1);
    check("Use `items.map(f)` there.", 1);
    check("What about `() => clear(timer)` here?", 1);
    check("It is `return x + 1` that matters.", 1);
    check("It is `a = 1; b = 2; c = a + b` in one line.", 3);
    check(
        "First `a = load(1)` and then in the next one `b = load(2)`.",
        1,
    );
    // Where only code stands, lines add up.
    check("- `a = load(1)`\n- `b = load(2)`\n- `save(a, b)`", 3);
    check(
        "1. `a = load(1)`\n2. then `b = load(2)`\n3. `save(a, b)`",
        3,
    );
    check("Change it to: items.push(load(1))", 1);
    check("Here you are: return cache.get(key)", 1);
    check("You could change that line to: return cache.get(key)", 1);
}

#[test]
fn blanks_and_comments_part_nothing_and_count_nothing() {
    check("```js\na(1);\n\n\n// b\n/* c\n d */\nb(2); // d\n```", 2);
    check("```js\na(1);\n```\n\n```js\nb(2);\n```", 2);
    check(
        "```js\na(1);\n```\nAnd what happens after that?\n```js\nb(2);\n```",
        1,
    );
    check("```js\na(1); b(2); c(3);\n```", 3);
    check("```js\nfor (let i = 0; i < 3; i++) { a(i); }\n```", 1);
    check("```cobol\nADD 1 TO X.\nADD 2 TO X.\n```", 2);
    check("```rust\n```", 0);
}

#[test]
fn quotations_count_nothing() {
    let project = Project::of(["def load(key):\n    value = cache.get(key)\n    return value\n"]);
    let lines = |text: &str| size(text, &project).lines;
    assert_eq!(
        lines("```python\ndef load(key):\n    value = cache.get(key)\n    return value\n```"),
        0
    );
    assert_eq!(lines("value = cache.get(key)\nreturn value"), 0);
    assert_eq!(lines("Why does it say `cache.get(key)` there?"), 0);
    assert_eq!(lines("Why not `cache.get(key, 0)` there?"), 1);
    // What is new between what is quoted counts, and is one piece.
    let mixed = "```python\ndef load(key):\n    check(key)\n    value = cache.get(key)\n    log(value)\n    return value\n```";
    assert_eq!(lines(mixed), 2);
}

#[test]
fn hostile_texts_are_measured_like_others() {
    check(
        "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\"> | `x` \u{1b}[2J \u{2028}",
        0,
    );
    // Deep, long or broken as it may be, it comes to an end.
    for text in [
        "(".repeat(5000),
        "{[".repeat(5000),
        "a=".repeat(5000),
        "`".repeat(5000),
        "> ".repeat(5000),
        "- ".repeat(2000),
    ] {
        size(&text, &Project::empty());
        size(&format!("```rust\n{text}\n```"), &Project::empty());
    }
    let many = "x = f(1)\n".repeat(3000);
    check(&many, 3000);
}

#[test]
fn holes_are_counted() {
    let holes = |text: &str| size(text, &Project::empty()).holes;
    assert_eq!(
        holes("```js\nconst a = ___;\nif (/* ? */) { … }\nb(...);\n// TODO\n```"),
        5
    );
    assert_eq!(holes("```js\nconst a = 1;\n```"), 0);
    assert_eq!(holes("Think... then look at the `TODO` there."), 0);
}
