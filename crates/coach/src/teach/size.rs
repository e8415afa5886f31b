//! How much code a text shows (coaching.md §1): the longest contiguous piece, in lines that are neither
//! blank nor comments.
//!
//! Markdown says where code is meant to stand: between fences and backticks. What a fence with a language
//! holds is code. Everywhere else, and between fences for output, [`code`] decides line by line, so that
//! leaving the fence away hides nothing.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::{
    Project,
    code::{self, Kind},
    grammar::{Grammars, comment_rows, crowded_rows},
};

/// How much code a text shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Lines of the longest contiguous code.
    pub lines: u32,
    /// Holes in it that are left to the learner.
    pub holes: u32,
}

/// A contiguous piece of code.
#[derive(Debug, Clone, Default)]
pub(super) struct Run {
    pub(super) size: Size,
    /// Where it stands, as bytes of the text.
    pub(super) ranges: Vec<Range<usize>>,
}

/// What a learner is to fill in.
const HOLES: [&str; 5] = ["___", "…", "...", "TODO", "/* ? */"];
/// Behind a fence, words for what is not code: what is printed, and what is typed into a shell.
const NO_CODE: [&str; 13] = [
    "text",
    "txt",
    "plain",
    "plaintext",
    "console",
    "output",
    "log",
    "sh",
    "bash",
    "shell",
    "zsh",
    "terminal",
    "markdown",
];
/// A line with no more words than these beside its code is a line of code.
const FEW_WORDS: usize = 2;

/// The size of the longest contiguous code of a text; lines that stand in the project count nothing.
pub fn size(text: &str, project: &Project) -> Size {
    runs(text, project)
        .into_iter()
        .map(|run| run.size)
        .max_by_key(|size| size.lines)
        .unwrap_or_default()
}

/// Every contiguous piece of code that counts.
pub(super) fn runs(text: &str, project: &Project) -> Vec<Run> {
    let mut grammars = Grammars::new();
    let mut lines = lines(text);
    mark_blocks(&mut grammars, text, &mut lines);
    classify_rest(&mut grammars, &mut lines);
    let spans = spans(&mut grammars, text, project);
    join(&lines, &spans, project)
}

#[derive(Debug)]
struct Line<'a> {
    range: Range<usize>,
    text: &'a str,
    /// Nothing has been decided yet.
    kind: Option<Kind>,
    /// It belongs to a block of code, fences included, that stands there.
    block: Option<Range<usize>>,
}

struct Span<'a> {
    range: Range<usize>,
    code: &'a str,
    count: u32,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let range = at..at + line.len();
            at = range.end;
            Line {
                range,
                text: line.trim_end_matches(['\n', '\r']),
                kind: None,
                block: None,
            }
        })
        .collect()
}

/// Decides about the lines between fences.
fn mark_blocks(grammars: &mut Grammars, text: &str, lines: &mut [Line<'_>]) {
    let mut language = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let info = info.to_lowercase();
                let word = info.split(|char: char| !char.is_alphanumeric()).next();
                language = Some((word.unwrap_or_default().to_owned(), range, None));
            }
            Event::Text(_) => {
                if let Some((_, _, inner)) = &mut language {
                    let inner: &mut Option<Range<usize>> = inner;
                    *inner =
                        Some(inner.as_ref().map_or(range.start, |inner| inner.start)..range.end);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, block, inner)) = language.take() {
                    mark_block(grammars, &language, &block, inner, lines);
                }
            }
            _ => {}
        }
    }
}

fn mark_block(
    grammars: &mut Grammars,
    language: &str,
    block: &Range<usize>,
    inner: Option<Range<usize>>,
    lines: &mut [Line<'_>],
) {
    let touches = |range: &Range<usize>, line: &Line<'_>| {
        line.range.start < range.end && range.start < line.range.end
    };
    let inner = inner.unwrap_or(block.start..block.start);
    let start = lines
        .iter()
        .find(|line| touches(block, line))
        .map(|line| line.range.start);
    let end = lines
        .iter()
        .rfind(|line| touches(block, line))
        .map(|line| line.range.end);
    let whole = start.zip(end).map(|(start, end)| start..end);
    for line in lines.iter_mut().filter(|line| touches(block, line)) {
        line.block = whole.clone();
        if !touches(&inner, line) {
            // The fence itself.
            line.kind = Some(Kind::Blank);
        }
    }
    let inside: Vec<usize> = (0..lines.len())
        .filter(|&index| touches(&inner, &lines[index]))
        .collect();
    let texts: Vec<&str> = inside
        .iter()
        .map(|&index| code::line_of(lines[index].text))
        .collect();
    let kinds = if NO_CODE.contains(&language) {
        code::classify(grammars, &texts)
    } else {
        block_kinds(grammars, language, &texts)
    };
    for (index, kind) in inside.into_iter().zip(kinds) {
        lines[index].kind = Some(kind);
    }
}

/// What the lines of a block of code are. Where no language is named, sentences in it are none.
fn block_kinds(grammars: &mut Grammars, language: &str, texts: &[&str]) -> Vec<Kind> {
    let indent = |text: &&str| text.len() - text.trim_start().len();
    let filled = texts.iter().filter(|text| !text.trim().is_empty());
    let least = filled.map(indent).min().unwrap_or(0);
    let whole: Vec<&str> = texts
        .iter()
        .map(|text| text.get(least..).unwrap_or_default())
        .collect();
    let whole = whole.join("\n");
    let tree = grammars
        .parse_as(language, &whole)
        .or_else(|| grammars.parse_as_any(&whole));
    let comments = tree.as_ref().map(|tree| comment_rows(tree, &whole));
    let crowded = tree
        .filter(|tree| !tree.root_node().has_error())
        .map(|tree| crowded_rows(&tree, texts.len()))
        .unwrap_or_default();
    let parses = !crowded.is_empty();
    texts
        .iter()
        .enumerate()
        .map(|(row, text)| {
            let text = text.trim();
            let comment = match &comments {
                Some(rows) => rows.get(row).copied().unwrap_or(false),
                None => ["//", "# ", "-- ", "/*", "<!--"]
                    .iter()
                    .any(|mark| text.starts_with(mark)),
            };
            if text.is_empty() {
                Kind::Blank
            } else if comment {
                Kind::Comment
            } else if language.is_empty() && !parses && code::is_prose(grammars, text) {
                Kind::Prose
            } else {
                Kind::Code(1 + crowded.get(row).copied().unwrap_or(0))
            }
        })
        .collect()
}

/// Decides about all other lines.
fn classify_rest(grammars: &mut Grammars, lines: &mut [Line<'_>]) {
    let mut at = 0;
    while at < lines.len() {
        let end = (at..lines.len())
            .find(|&index| lines[index].kind.is_some())
            .unwrap_or(lines.len());
        let texts: Vec<&str> = lines[at..end].iter().map(|line| line.text).collect();
        for (line, kind) in lines[at..end]
            .iter_mut()
            .zip(code::classify(grammars, &texts))
        {
            line.kind = Some(kind);
        }
        at = end + 1;
    }
}

/// The code between backticks; names are none.
fn spans<'a>(grammars: &mut Grammars, text: &'a str, project: &Project) -> Vec<Span<'a>> {
    let mut spans = Vec::new();
    for (event, range) in Parser::new(text).into_offset_iter() {
        if !matches!(event, Event::Code(_)) {
            continue;
        }
        let code = text[range.clone()].trim_matches('`').trim();
        let is_code = grammars.is_code(code, true) || code::line_is_code(grammars, code).is_some();
        let count = if !is_code || project.has_line(code) || project.has_piece(code) {
            0
        } else {
            let tree = grammars.telling(code, true);
            let rows = code.lines().count().max(1);
            let crowded: u32 = tree.map_or(0, |tree| crowded_rows(&tree, rows).iter().sum());
            u32::try_from(rows)
                .unwrap_or(u32::MAX)
                .saturating_add(crowded)
        };
        if is_code {
            spans.push(Span { range, code, count });
        }
    }
    spans
}

/// Puts lines together that nothing but blanks and comments part.
fn join(lines: &[Line<'_>], spans: &[Span<'_>], project: &Project) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run = Run::default();
    let mut quoted = false;
    for line in lines {
        let own: Vec<&Span<'_>> = spans
            .iter()
            .filter(|span| line.range.contains(&span.range.start))
            .collect();
        let whole = line.block.clone().unwrap_or_else(|| line.range.clone());
        match line.kind.unwrap_or(Kind::Blank) {
            Kind::Blank => {}
            Kind::Comment => run.size.holes += holes(line.text),
            Kind::Code(count) => {
                let bare = code::line_of(line.text);
                // A bracket alone belongs to what stands before it.
                let small = bare.chars().filter(|char| char.is_alphanumeric()).count() < 3;
                quoted = if small {
                    quoted
                } else {
                    project.has_line(bare)
                };
                if !quoted {
                    run.size.lines = run.size.lines.saturating_add(count);
                }
                run.size.holes += holes(line.text);
                run.ranges.push(whole);
            }
            Kind::Prose if own.is_empty() => end(&mut runs, &mut run),
            Kind::Prose => {
                let mut rest = line.text.to_owned();
                for span in &own {
                    rest = rest.replace(span.code, " ");
                }
                let words = rest
                    .split_whitespace()
                    .filter(|word| word.chars().any(char::is_alphabetic))
                    .count();
                let parted = words > FEW_WORDS;
                if parted {
                    end(&mut runs, &mut run);
                }
                for span in own {
                    run.size.lines = run.size.lines.saturating_add(span.count);
                    run.size.holes += holes(span.code);
                    run.ranges.push(span.range.clone());
                    if parted {
                        end(&mut runs, &mut run);
                    }
                }
            }
        }
    }
    end(&mut runs, &mut run);
    runs
}

fn end(runs: &mut Vec<Run>, run: &mut Run) {
    let run = std::mem::take(run);
    if run.size.lines > 0 {
        runs.push(run);
    }
}

fn holes(text: &str) -> u32 {
    let found: usize = HOLES.iter().map(|hole| text.matches(hole).count()).sum();
    u32::try_from(found).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
