//! Texts for people: how long something took, and texts of others without what a terminal obeys.

/// A duration in at most two units.
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ) {
        (0, 0, 0, 0) => format!("{millis} ms"),
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

/// Text of others in one line: each run of white space is one space, and what would steer a terminal or
/// turn the direction of writing is replaced.
pub fn plain(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|word| word.replace(steers, "\u{fffd}"))
        .collect();
    words.join(" ")
}

/// Control characters, and those that turn the direction of what follows.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first `limit` characters, with a sign when there are more.
pub(super) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

/// A time as people write it, in UTC to the second.
pub fn moment(at: &str) -> String {
    match at.split_once('T') {
        Some((day, time)) => {
            let time = time.get(..8).unwrap_or(time);
            format!("{day} {time} UTC")
        }
        None => at.to_owned(),
    }
}

/// How long after the beginning: `+0:03:12`.
pub(super) fn offset(millis: u64) -> String {
    let seconds = millis / 1000;
    format!(
        "+{}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// US dollars with as many places as such small sums need.
pub(super) fn dollars(sum: f64) -> String {
    if sum == 0.0 {
        return "$0".to_owned();
    }
    let places = if sum >= 1.0 { 2 } else { 4 };
    format!("${sum:.places$}")
}
