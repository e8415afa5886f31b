//! Differences between two texts: as a patch, and as the new places of lines.

use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::ops::{Range, RangeInclusive};
use std::time::{Duration, Instant};

use paige_protocol::ProjectPath;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

use crate::{Problem, aside::give_way};

/// How a diff is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffConfig {
    /// How many unchanged lines stand around a change.
    pub context_lines: usize,
    /// How long to search for the smallest diff. What is not compared by then is shown as removed
    /// and added whole, which is longer to read but just as right.
    pub timeout: Duration,
}

impl Default for DiffConfig {
    fn default() -> Self {
        Self {
            context_lines: 3,
            timeout: Duration::from_millis(250),
        }
    }
}

impl DiffConfig {
    /// One entry per setting that makes no sense; empty when all is well.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.timeout > Duration::from_secs(10) {
            problems.push(Problem {
                name: "timeout",
                message:
                    "A diff that takes more than 10 s keeps everybody waiting. Set a shorter time."
                        .to_owned(),
            });
        }
        problems
    }
}

/// The unified diff from `old` to `new` as git writes it, so that `git apply` accepts it; empty when
/// they are equal. `None`: there is no such file, so that the patch makes or deletes it.
///
/// Lines end with `\n` alone: a `\r` belongs to its line and is kept. Two patches may be joined.
/// This computes for up to [`DiffConfig::timeout`]: call it off the reactor.
pub fn unified(
    path: &ProjectPath,
    old: Option<&str>,
    new: Option<&str>,
    config: &DiffConfig,
) -> String {
    if old == new {
        return String::new();
    }
    let (is_old, is_new) = (old.is_some(), new.is_some());
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let mut patch = header(path, is_old, is_new, old != new);
    let (old, new) = (lines(old), lines(new));
    let ops = compare(&old, &new, config.timeout);
    let groups = group_diff_ops(ops, config.context_lines);
    patch.reserve(size(&groups, &old, &new));
    for group in groups {
        hunk(&mut patch, &group, &old, &new);
    }
    patch
}

/// Where lines of `old` are in `new`: for each range of lines (1-based, inclusive) its new place, or
/// `None` when one of its lines was changed or removed. Lines added in the midst of a range make it
/// longer. Line ends do not count. Lines that `old` does not have are `None`.
///
/// All ranges share one comparison. It computes for up to [`DiffConfig::timeout`].
pub fn map_lines(
    old: &str,
    new: &str,
    ranges: &[RangeInclusive<u32>],
    config: &DiffConfig,
) -> Vec<Option<RangeInclusive<u32>>> {
    let kept: Vec<(Range<usize>, usize)> =
        compare(&bare_lines(old), &bare_lines(new), config.timeout)
            .into_iter()
            .filter_map(|op| match op {
                DiffOp::Equal {
                    old_index,
                    new_index,
                    len,
                } => Some((old_index..old_index + len, new_index)),
                _ => None,
            })
            .collect();
    ranges.iter().map(|range| place(&kept, range)).collect()
}

/// How many lines differ; a line that is replaced counts once.
pub fn changed_lines(old: &str, new: &str, config: &DiffConfig) -> u32 {
    let changed = compare(&bare_lines(old), &bare_lines(new), config.timeout)
        .into_iter()
        .map(|op| match op {
            DiffOp::Equal { .. } => 0,
            op => op.old_range().len().max(op.new_range().len()),
        })
        .sum::<usize>();
    u32::try_from(changed).unwrap_or(u32::MAX)
}

/// The lines with their `\n`.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The lines without their ends, as an editor counts them: after a last `\n` one more, empty.
fn bare_lines(text: &str) -> Vec<&str> {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .collect()
}

fn compare(old: &[&str], new: &[&str], timeout: Duration) -> Vec<DiffOp> {
    let deadline = Instant::now().checked_add(timeout);
    let [old, new] =
        [old, new].map(|lines| lines.iter().map(|line| Step(line)).collect::<Vec<_>>());
    capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline)
}

/// A line, whose every comparison is a step at which a thread aside may give way.
struct Step<'a>(&'a str);

impl PartialEq for Step<'_> {
    fn eq(&self, other: &Self) -> bool {
        give_way();
        self.0 == other.0
    }
}

impl Eq for Step<'_> {}

impl Hash for Step<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        give_way();
        self.0.hash(state);
    }
}

/// Where the lines of `range` went, if all of them are among the `kept` ones: stretches of old lines
/// (0-based, ascending), each with its first new line.
fn place(
    kept: &[(Range<usize>, usize)],
    range: &RangeInclusive<u32>,
) -> Option<RangeInclusive<u32>> {
    let start = usize::try_from(*range.start()).ok()?.checked_sub(1)?;
    let end = usize::try_from(*range.end()).ok()?;
    if start >= end {
        return None;
    }
    let mut at = kept.partition_point(|(old, _)| old.end <= start);
    let (old, new) = kept.get(at).filter(|(old, _)| old.start <= start)?;
    let first = new + (start - old.start);
    // Between two kept stretches that touch in the old text lines were only added.
    while kept[at].0.end < end {
        let next = kept.get(at + 1)?;
        if next.0.start != kept[at].0.end {
            return None;
        }
        at += 1;
    }
    let (old, new) = &kept[at];
    let last = new + (end - 1 - old.start);
    Some(u32::try_from(first + 1).ok()?..=u32::try_from(last + 1).ok()?)
}

/// What stands before the hunks; `has_hunks` is false when an empty file is made or deleted.
fn header(path: &ProjectPath, is_old: bool, is_new: bool, has_hunks: bool) -> String {
    let [old, new] = ["a", "b"].map(|side| quoted(&format!("{side}/{path}")));
    let mut text = format!("diff --git {old} {new}\n");
    if !is_old {
        text.push_str("new file mode 100644\n");
    } else if !is_new {
        text.push_str("deleted file mode 100644\n");
    }
    if has_hunks {
        for (mark, exists, name) in [("---", is_old, old), ("+++", is_new, new)] {
            let name = if exists { &name } else { "/dev/null" };
            // Without the tab `patch` would take what follows a space for a time.
            let tab = if exists && name.contains(' ') {
                "\t"
            } else {
                ""
            };
            let _ = writeln!(text, "{mark} {name}{tab}");
        }
    }
    text
}

/// A file name as git writes it: as it is, or in quotes with C's escapes when it holds anything but
/// printable ASCII, a quote or a backslash.
fn quoted(name: &str) -> String {
    if name
        .bytes()
        .all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
    {
        return name.to_owned();
    }
    let mut text = String::with_capacity(name.len() + 16);
    text.push('"');
    for byte in name.bytes() {
        let escaped = match byte {
            0x07 => 'a',
            0x08 => 'b',
            b'\t' => 't',
            b'\n' => 'n',
            0x0b => 'v',
            0x0c => 'f',
            b'\r' => 'r',
            b'"' | b'\\' => char::from(byte),
            b' '..=b'~' => {
                text.push(char::from(byte));
                continue;
            }
            _ => {
                let _ = write!(text, "\\{byte:03o}");
                continue;
            }
        };
        text.push('\\');
        text.push(escaped);
    }
    text.push('"');
    text
}

/// About as many bytes as the hunks take.
fn size(groups: &[Vec<DiffOp>], old: &[&str], new: &[&str]) -> usize {
    let length = |lines: &[&str]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
    groups
        .iter()
        .map(|group| {
            let lines = group.iter().map(|op| match op {
                DiffOp::Equal { .. } => length(&old[op.old_range()]),
                _ => length(&old[op.old_range()]) + length(&new[op.new_range()]),
            });
            64 + lines.sum::<usize>()
        })
        .sum()
}

fn hunk(patch: &mut String, group: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return;
    };
    let old_range = first.old_range().start..last.old_range().end;
    let new_range = first.new_range().start..last.new_range().end;
    let _ = writeln!(patch, "@@ -{} +{} @@", Span(old_range), Span(new_range));
    for op in group {
        if let DiffOp::Equal { .. } = op {
            push_lines(patch, ' ', &old[op.old_range()]);
        } else {
            push_lines(patch, '-', &old[op.old_range()]);
            push_lines(patch, '+', &new[op.new_range()]);
        }
    }
}

fn push_lines(patch: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        give_way();
        patch.push(mark);
        patch.push_str(line);
        if !line.ends_with('\n') {
            patch.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Lines in a hunk's head: `first,count`, where a count of 1 is left out, and nothing at all is told
/// by the line before it.
struct Span(Range<usize>);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.len() {
            0 => write!(f, "{},0", self.0.start),
            1 => write!(f, "{}", self.0.start + 1),
            count => write!(f, "{},{count}", self.0.start + 1),
        }
    }
}

#[cfg(test)]
mod tests;
