//! [`Change`]: where two texts differ, cheaply.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The hash of a blank line.
pub(super) const BLANK: u64 = 0;

/// The lines in which two texts differ, as hashes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The first of them, from 0; the same in both.
    pub(super) start: usize,
    pub(super) old: Vec<u64>,
    pub(super) new: Vec<u64>,
}

impl Change {
    pub(super) fn between(old: &str, new: &str) -> Option<Self> {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        if old == new {
            return None;
        }
        let mut start = common_start(old, new);
        start = old[..start]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let (old_rest, new_rest) = (&old[start..], &new[start..]);
        let same = common_end(old_rest, new_rest);
        let end = old_rest[old_rest.len() - same..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(0, |at| same - at - 1);
        let mut change = Self {
            start: old[..start].iter().filter(|byte| **byte == b'\n').count(),
            old: lines(&old_rest[..old_rest.len() - end]),
            new: lines(&new_rest[..new_rest.len() - end]),
        };
        while let (Some(a), Some(b)) = (change.old.last(), change.new.last())
            && a == b
        {
            change.old.pop();
            change.new.pop();
        }
        (change.old != change.new).then_some(change)
    }
}

fn common_start(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 64;
    let whole = a
        .chunks_exact(STEP)
        .zip(b.chunks_exact(STEP))
        .take_while(|(a, b)| a == b)
        .count()
        * STEP;
    let rest = a[whole..].iter().zip(&b[whole..]);
    whole + rest.take_while(|(a, b)| a == b).count()
}

fn common_end(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 64;
    let whole = a
        .rchunks_exact(STEP)
        .zip(b.rchunks_exact(STEP))
        .take_while(|(a, b)| a == b)
        .count()
        * STEP;
    let rest = a[..a.len() - whole]
        .iter()
        .rev()
        .zip(b[..b.len() - whole].iter().rev());
    whole + rest.take_while(|(a, b)| a == b).count()
}

/// The hashes of lines whose white space does not matter.
fn lines(text: &[u8]) -> Vec<u64> {
    if text.is_empty() {
        return Vec::new();
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').map(hash).collect()
}

fn hash(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .peekable();
    if words.peek().is_none() {
        return BLANK;
    }
    for word in words {
        word.hash(&mut hasher);
    }
    hasher.finish().max(1)
}

pub(super) fn without_blanks(lines: &[u64]) -> Vec<u64> {
    lines
        .iter()
        .copied()
        .filter(|line| *line != BLANK)
        .collect()
}
