//! [`Line`]: whether a person has something half typed, from the keys alone.
//!
//! It knows what keys do in common: text adds to the line, Enter and Ctrl-C end it. What it cannot
//! follow (history, completion, a command of an editor) makes it unsure, and an unsure line counts as one
//! that is not empty until it is ended.

use std::time::{Duration, Instant};

/// An escape character that stands alone for so long was the key Esc, not the start of a sequence.
const ESCAPE_KEY: Duration = Duration::from_millis(50);
/// The end of a paste.
const PASTE_END: &[u8] = b"\x1b[201~";
/// The longest sequence that is kept; longer ones are no keys.
const LONGEST_SEQUENCE: usize = 64;

/// What a person has typed since the line was last known to be empty.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Characters before the cursor, at least: never fewer than the program has.
    typed: usize,
    /// The cursor is perhaps not at the end.
    moved: bool,
    /// There may be anything.
    unsure: bool,
    /// The last character was a backslash, which takes Enter its meaning.
    escaped: bool,
    state: State,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After an escape character.
    Escape(Instant),
    /// Within a control sequence: its parameters so far.
    Control(Vec<u8>),
    /// After `ESC O`: a key of the keypad or an arrow.
    Keypad,
    /// Within a text that the terminal answers a program with.
    Answer,
    /// Within a report of the mouse in its oldest form: bytes to come.
    Mouse(u8),
    /// Within a paste: bytes of its end seen so far.
    Paste(usize),
}

impl Line {
    /// Whether nothing is half typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.typed == 0 && !self.unsure && matches!(self.state, State::Ground)
    }

    /// There may be anything, until the line is ended.
    pub(crate) fn lose_track(&mut self) {
        self.unsure = true;
    }

    /// Follows what a person typed; false when it was no key at all, but an answer or report of the terminal.
    pub(crate) fn feed(&mut self, bytes: &[u8], now: Instant) -> bool {
        let mut keys = false;
        for byte in bytes {
            keys |= self.byte(*byte, now);
        }
        keys
    }

    fn byte(&mut self, byte: u8, now: Instant) -> bool {
        match std::mem::take(&mut self.state) {
            State::Ground => self.key(byte, now),
            State::Escape(since) if now.duration_since(since) > ESCAPE_KEY => {
                self.unsure = true;
                self.key(byte, now)
            }
            State::Escape(_) => self.escape(byte, now),
            State::Control(mut parameters) => match byte {
                0x20..=0x3f if parameters.len() < LONGEST_SEQUENCE => {
                    parameters.push(byte);
                    self.state = State::Control(parameters);
                    false
                }
                b'M' if parameters.is_empty() => {
                    self.state = State::Mouse(3);
                    false
                }
                0x40..=0x7e => self.control(&parameters, byte),
                _ => {
                    self.unsure = true;
                    self.key(byte, now)
                }
            },
            State::Keypad => {
                match byte {
                    b'M' => self.end(),
                    b'C' | b'D' | b'H' | b'F' => self.move_cursor(),
                    _ => self.unsure = true,
                }
                true
            }
            State::Answer => match byte {
                0x07 => false,
                0x1b => {
                    // The start of its end, `ESC \`, or of the next sequence.
                    self.state = State::Escape(now);
                    false
                }
                // No answer has them: it was a key with Alt, and these are keys.
                b'\r' | 0x03 => self.key(byte, now),
                _ => {
                    self.state = State::Answer;
                    false
                }
            },
            State::Mouse(left) => {
                if left > 1 {
                    self.state = State::Mouse(left - 1);
                }
                false
            }
            State::Paste(seen) => {
                self.paste(byte, seen);
                true
            }
        }
    }

    fn key(&mut self, byte: u8, now: Instant) -> bool {
        let escaped = std::mem::take(&mut self.escaped);
        match byte {
            0x1b => {
                self.state = State::Escape(now);
                return false;
            }
            b'\r' if escaped => self.typed += 1,
            b'\r' | 0x03 => self.end(),
            0x15 => self.clear_to_start(),
            0x08 | 0x7f => self.erase(),
            // Start, left, end, right.
            0x01 | 0x02 | 0x05 | 0x06 => self.move_cursor(),
            // Draw again, stop; the end of the input on an empty line.
            0x0c | 0x1a => {}
            0x04 if self.typed == 0 => {}
            0x00..=0x1f => self.unsure = true,
            // The further bytes of a character.
            0x80..=0xbf => {}
            _ => {
                self.typed += 1;
                self.escaped = byte == b'\\';
            }
        }
        true
    }

    fn escape(&mut self, byte: u8, now: Instant) -> bool {
        match byte {
            b'[' => self.state = State::Control(Vec::new()),
            b'O' => self.state = State::Keypad,
            b']' | b'P' | b'_' | b'^' | b'X' => self.state = State::Answer,
            // The end of an answer.
            b'\\' => {}
            0x1b => {
                self.unsure = true;
                self.state = State::Escape(now);
            }
            // With Alt: a new line, a word taken away, any command.
            _ => {
                self.unsure = true;
                return true;
            }
        }
        false
    }

    fn control(&mut self, parameters: &[u8], last: u8) -> bool {
        let text = std::str::from_utf8(parameters).unwrap_or_default();
        // Answers, and reports of the mouse and the focus.
        if text.starts_with(['?', '<', '>', '=']) {
            return false;
        }
        match (last, text) {
            (b'I' | b'O', "") | (b'R' | b'n' | b't' | b'c' | b'y', _) => return false,
            // Shift-Tab.
            (b'Z', _) | (b'~', "201") => {}
            (b'~', "200") => self.state = State::Paste(0),
            (b'C' | b'D' | b'H' | b'F', _) | (b'~', "1" | "4" | "7" | "8") => self.move_cursor(),
            (b'u', _) => return self.coded(text),
            (b'~', _) => match text
                .strip_prefix("27;")
                .and_then(|rest| rest.split_once(';'))
            {
                Some((modifiers, code)) => return self.coded(&format!("{code};{modifiers}")),
                None => self.unsure = true,
            },
            _ => self.unsure = true,
        }
        true
    }

    /// A key as newer terminals send it: `code;modifiers`.
    fn coded(&mut self, text: &str) -> bool {
        let (code, modifiers) = text.split_once(';').unwrap_or((text, "1"));
        let number = |part: &str| part.split(':').next().and_then(|n| n.parse::<u32>().ok());
        let event = modifiers
            .split(';')
            .next()
            .and_then(|m| m.split(':').nth(1));
        let modifiers = number(modifiers.split(';').next().unwrap_or_default());
        let (Some(code), Some(modifiers)) = (number(code), modifiers) else {
            self.unsure = true;
            return true;
        };
        // A key that is let go, and Shift, Ctrl and their like alone.
        if event == Some("3") || (57358..=57362).contains(&code) || (57441..=57454).contains(&code)
        {
            return false;
        }
        const SHIFT: u32 = 1;
        const CTRL: u32 = 4;
        // Caps lock and num lock change nothing here.
        let held = modifiers.saturating_sub(1) & 0b11_1111;
        match (held, code) {
            (0, 13) | (CTRL, 99) => self.end(),
            (0, 8 | 127) => self.erase(),
            (CTRL, 117) => self.clear_to_start(),
            (CTRL, 97 | 98 | 101 | 102) => self.move_cursor(),
            (CTRL, 100) if self.typed == 0 => {}
            (CTRL, 108) => {}
            (0 | SHIFT, 32..=126 | 128..=57343) => self.typed += 1,
            _ => self.unsure = true,
        }
        true
    }

    fn paste(&mut self, byte: u8, seen: usize) {
        let seen = match PASTE_END.get(seen) {
            Some(expected) if *expected == byte => seen + 1,
            _ => usize::from(byte == PASTE_END[0]),
        };
        if seen == PASTE_END.len() {
            return;
        }
        // The bytes of its end count, too: more than there is does no harm.
        self.typed += usize::from(!(0x80..=0xbf).contains(&byte));
        // Of several lines, keys may take away one alone.
        self.moved |= byte == b'\r' || byte == b'\n';
        self.state = State::Paste(seen);
    }

    fn end(&mut self) {
        *self = Self::default();
    }

    fn move_cursor(&mut self) {
        self.moved |= self.typed > 0;
    }

    fn erase(&mut self) {
        if !self.moved {
            self.typed = self.typed.saturating_sub(1);
        }
    }

    fn clear_to_start(&mut self) {
        if !self.moved {
            self.typed = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(pieces: &[&[u8]]) -> Line {
        let mut line = Line::default();
        let now = Instant::now();
        for piece in pieces {
            line.feed(piece, now);
        }
        line
    }

    #[test]
    fn text_fills_the_line_and_keys_end_it() {
        for (keys, empty) in [
            ("", true),
            ("a", false),
            ("a\r", true),
            ("a\x03", true),
            ("ab\x7f", false),
            ("ab\x7f\x7f", true),
            ("\x7f", true),
            ("ab\x15", true),
            ("世界", false),
            ("世界\x7f\x7f", true),
            // Enter after a backslash, and with Alt, begins a new line.
            ("a\\\r", false),
            ("a\\\r\r", true),
            ("a\x1b\r", false),
            ("a\n", false),
            // The cursor is not at the end: less is taken away than it seems.
            ("ab\x1b[D\x15", false),
            ("ab\x01\x7f\x7f", false),
            ("ab\x1b[D\r", true),
            ("\x1b[D", true),
            // History, completion, words: anything may stand there.
            ("\x1b[A", false),
            ("\x1bOA", false),
            ("\x1b[A\r", true),
            ("\t", false),
            ("\x12\x15", false),
            ("a b\x17\x7f", false),
        ] {
            assert_eq!(after(&[keys.as_bytes()]).is_empty(), empty, "{keys:?}");
        }
    }

    #[test]
    fn what_is_pasted_ends_nothing() {
        for (keys, empty) in [
            ("\x1b[200~a\rb\x1b[201~", false),
            ("\x1b[200~a\rb\x1b[201~\r", true),
            ("\x1b[200~a\r", false),
            ("\x1b[200~\x1b[20\x1b[201~\r", true),
            // One line of two at most is taken away.
            ("\x1b[200~a\rb\x1b[201~\x15", false),
        ] {
            assert_eq!(after(&[keys.as_bytes()]).is_empty(), empty, "{keys:?}");
        }
    }

    #[test]
    fn answers_and_reports_of_the_terminal_are_no_keys() {
        for answer in [
            "\x1b[?62;c",
            "\x1b[12;40R",
            "\x1b[I",
            "\x1b[O",
            "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
            "\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
            "\x1bP>|xterm(388)\x1b\\",
            "\x1b[<35;10;4M",
            "\x1b[M !!",
            "\x1b[?1u",
            "\x1b[97;1:3u",
        ] {
            let mut line = Line::default();
            assert!(!line.feed(answer.as_bytes(), Instant::now()), "{answer:?}");
            assert!(line.is_empty(), "{answer:?}");
        }
        // An answer that never ends was none.
        assert!(after(&[b"\x1bPabc\r"]).is_empty());
    }

    #[test]
    fn keys_as_newer_terminals_send_them() {
        for (keys, empty) in [
            ("a\x1b[99;5u", true),
            ("a\x1b[13u", true),
            ("a\x1b[13;2u", false),
            ("a\x1b[127u", true),
            ("a\x1b[117;5u", true),
            ("a\x1b[27;5;99~", true),
            ("\x1b[98u", false),
            ("\x1b[57441;2u", true),
            ("\x1b[27u", false),
        ] {
            assert_eq!(after(&[keys.as_bytes()]).is_empty(), empty, "{keys:?}");
        }
    }

    #[test]
    fn a_lone_escape_is_a_key_and_one_that_is_followed_a_sequence() {
        let mut line = Line::default();
        let now = Instant::now();
        line.feed(b"\x1b", now);
        assert!(!line.is_empty());
        line.feed(b"[I", now);
        assert!(line.is_empty());
        line.feed(b"\x1b", now);
        line.feed(b"\r", now + Duration::from_millis(200));
        assert!(line.is_empty(), "Enter has ended whatever Esc began");
        line.feed(b"\x1b", now);
        line.feed(b"[", now + Duration::from_millis(200));
        assert!(!line.is_empty());
    }

    proptest! {
        /// However the terminal cuts what is typed into pieces.
        #[test]
        fn pieces_do_not_matter(text in "([a-zé世\\\\\r\u{3}\u{7f}\u{1b}]|\u{1b}\\[[0-9;?]{0,4}[A-Zu~]){0,30}", cuts in prop::collection::vec(1_usize..5, 1..40)) {
            let bytes = text.as_bytes();
            let (mut pieces, mut at) = (Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                if at >= bytes.len() {
                    break;
                }
                let end = (at + cut).min(bytes.len());
                pieces.push(&bytes[at..end]);
                at = end;
            }
            prop_assert_eq!(after(&pieces).is_empty(), after(&[bytes]).is_empty());
        }

        /// A line of text, whatever it holds, is never taken for nothing.
        #[test]
        fn text_is_never_overlooked(text in "[a-zé世 0-9]{1,20}", erased in 0_usize..20) {
            let count = text.chars().count();
            let mut line = after(&[b"\x1b[A\r", text.as_bytes()]);
            line.feed("\x7f".repeat(erased).as_bytes(), Instant::now());
            prop_assert_eq!(line.is_empty(), erased >= count);
        }
    }
}
