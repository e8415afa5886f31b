//! [`Screen`]: what a person sees in a terminal, from what the program has sent.

use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Size;

/// The screen of a terminal.
pub struct Screen {
    parser: vt100::Parser,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Screen").field(&self.text()).finish()
    }
}

impl Screen {
    /// An empty screen.
    pub fn new(size: Size) -> Self {
        let (rows, columns) = sides(size);
        Self {
            parser: vt100::Parser::new(rows, columns, 0),
        }
    }

    /// Shows what the program has sent; a character or sequence may be split anywhere.
    pub fn process(&mut self, bytes: &[u8]) {
        self.guarded(|parser| parser.process(bytes));
    }

    /// The window has another size.
    pub fn resize(&mut self, size: Size) {
        let (rows, columns) = sides(size);
        self.guarded(|parser| parser.set_size(rows, columns));
    }

    /// A sequence that the emulator cannot take costs the picture, never the terminal.
    fn guarded(&mut self, change: impl FnOnce(&mut vt100::Parser)) {
        if catch_unwind(AssertUnwindSafe(|| change(&mut self.parser))).is_err() {
            let (rows, columns) = self.parser.screen().size();
            self.parser = vt100::Parser::new(rows, columns, 0);
        }
    }

    /// Where the cursor is: row and column from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.parser.screen().cursor_position()
    }

    /// Everything that is shown, a line for each row.
    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Whether pasted text is told apart from typed text.
    pub fn takes_pastes(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }

    /// Whether a program has taken the whole screen.
    pub fn is_alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// What a terminal has to be told to be as it was, after a program that ended without doing so.
    pub fn farewell(&self) -> String {
        let screen = self.parser.screen();
        let fresh = vt100::Parser::new(NonZeroU16::MIN, NonZeroU16::MIN, 0);
        let mut text = fresh.screen().input_mode_diff(screen);
        if screen.alternate_screen() {
            text.push_str("\x1b[?1049l");
        }
        if screen.hide_cursor() {
            text.push_str("\x1b[?25h");
        }
        text.push_str("\x1b[m");
        text
    }

    /// The text of a row.
    pub(crate) fn line(&self, row: u16) -> String {
        let (_, columns) = self.parser.screen().size();
        self.part(row, 0, columns.get())
    }

    /// The text of all rows.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let (_, columns) = self.parser.screen().size();
        self.parser.screen().rows(0, columns.get())
    }

    /// The text of the cursor's row up to the cursor; a cell without text is a space.
    pub(crate) fn line_before_cursor(&self) -> String {
        let (row, column) = self.cursor();
        self.part(row, 0, column)
    }

    /// The text of the cursor's row up to the cursor, and of so many rows before it.
    pub(crate) fn text_before_cursor(&self, rows: u16) -> String {
        let (row, _) = self.cursor();
        let above = (row.saturating_sub(rows)..row).map(|row| self.line(row));
        let mut text: String = above.collect();
        text.push_str(&self.line_before_cursor());
        text
    }

    /// Whether nothing was typed from the cursor to the end of its row. Faint text is a suggestion of
    /// the program, whose first letter may be drawn as the cursor.
    pub(crate) fn nothing_after_cursor(&self) -> bool {
        let (row, column) = self.cursor();
        let screen = self.parser.screen();
        let (_, columns) = screen.size();
        let visible = |column| {
            let cell = screen.cell(row, column)?;
            (!cell.contents().trim().is_empty()).then_some(cell)
        };
        let mut rest = (column.saturating_add(1)..columns.get())
            .filter_map(visible)
            .peekable();
        let suggests = rest.peek().is_some_and(|cell| cell.dim());
        rest.all(vt100::Cell::dim)
            && visible(column).is_none_or(|cell| cell.dim() || (cell.inverse() && suggests))
    }

    fn part(&self, row: u16, from: u16, to: u16) -> String {
        let screen = self.parser.screen();
        let mut text = String::new();
        for cell in (from..to).filter_map(|column| screen.cell(row, column)) {
            if cell.has_contents() {
                text.push_str(cell.contents());
            } else if !cell.is_wide_continuation() {
                text.push(' ');
            }
        }
        text
    }
}

fn sides(size: Size) -> (NonZeroU16, NonZeroU16) {
    let side = |n| NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN);
    (side(size.rows), side(size.columns))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn split_characters_and_sequences_are_put_together() {
        let bytes = "a€\x1b[31mß".as_bytes();
        let mut screen = Screen::new(Size::new(2, 10));
        for byte in bytes {
            screen.process(&[*byte]);
        }
        assert_eq!(screen.line_before_cursor(), "a€ß");
    }

    #[test]
    fn a_farewell_takes_back_what_was_switched_on() {
        let mut screen = Screen::new(Size::new(4, 10));
        screen.process(b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[?1000h");
        assert!(screen.takes_pastes() && screen.is_alternate());
        let farewell = screen.farewell();
        screen.process(farewell.as_bytes());
        assert!(!screen.takes_pastes() && !screen.is_alternate());
        assert!(
            farewell.contains("\x1b[?25h") && farewell.contains("\x1b[?1000l"),
            "{farewell:?}"
        );
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_ends_it(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    "\x1b\\[[0-9;?]{0,6}[@-~]".prop_map(String::into_bytes),
                    "[a-z世界é]{0,30}".prop_map(String::into_bytes),
                ],
                0..20
            ),
            sizes in prop::collection::vec((0_u16..30, 0_u16..30), 0..5)
        ) {
            let mut screen = Screen::new(Size::new(5, 10));
            let mut sizes = sizes.into_iter();
            for piece in pieces {
                screen.process(&piece);
                if let Some((rows, columns)) = sizes.next() {
                    screen.resize(Size::new(rows, columns));
                }
                let _ = (screen.text_before_cursor(40), screen.nothing_after_cursor(), screen.farewell());
            }
        }
    }
}
