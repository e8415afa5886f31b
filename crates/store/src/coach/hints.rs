//! The hints that a plan holds for its phases.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{HintLevel, HintType, Style};

row! {
    /// A hint of a phase.
    pub struct Hint in "phase_hints" {
        /// Its id.
        pub id: u32,
        /// The phase it belongs to.
        pub phase_id: u32,
        /// What it points at.
        pub hint_type as "type": HintType,
        /// The file.
        pub path: String,
        /// The first line, from 1; `None` for a hint at a file.
        pub line_start: Option<u32>,
        /// The last line, inclusive.
        pub line_end: Option<u32>,
        /// How it looks.
        pub style: Style,
        /// What is said at the lines.
        pub hover_text: Option<String>,
        /// From which hint level on it is shown; never `off`.
        pub required_level: HintLevel,
        /// Its rung on the hint ladder, 1 to 4.
        pub rung: u32,
    }
}

/// A hint to be created. With lines it points at lines, without at the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHint {
    /// The phase it belongs to.
    pub phase_id: u32,
    /// The file.
    pub path: String,
    /// The first and the last line, from 1, inclusive.
    pub lines: Option<(u32, u32)>,
    /// How it looks.
    pub style: Style,
    /// What is said at the lines.
    pub hover_text: Option<String>,
    /// From which hint level on it is shown; never `off`.
    pub required_level: HintLevel,
    /// Its rung on the hint ladder, 1 to 4.
    pub rung: u32,
}

/// Creates a hint.
pub fn create(unit: &mut Unit<'_>, new: &NewHint) -> Result<Hint, StoreError> {
    let hint_type = match new.lines {
        Some(_) => HintType::Line,
        None => HintType::File,
    };
    unit.add(
        returning!(
            Hint,
            "INSERT INTO phase_hints (phase_id, type, path, line_start, line_end, style, hover_text,
                 required_level, rung)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
        (
            new.phase_id,
            hint_type,
            &new.path,
            new.lines.map(|lines| lines.0),
            new.lines.map(|lines| lines.1),
            new.style,
            &new.hover_text,
            new.required_level,
            new.rung,
        ),
    )
}

/// The hint of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Hint>, StoreError> {
    reader.one(select!(Hint, "WHERE id = ?1"), [id])
}

/// The hints of a phase, of one type or of both.
pub fn by_phase(
    reader: &Reader<'_>,
    phase_id: u32,
    hint_type: Option<HintType>,
) -> Result<Vec<Hint>, StoreError> {
    match hint_type {
        Some(hint_type) => reader.all(
            select!(Hint, "WHERE phase_id = ?1 AND type = ?2 ORDER BY id"),
            (phase_id, hint_type),
        ),
        None => reader.all(select!(Hint, "WHERE phase_id = ?1 ORDER BY id"), [phase_id]),
    }
}
