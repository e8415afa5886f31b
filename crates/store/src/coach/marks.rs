//! Marks: what is highlighted in the editor and hinted at in the explorer.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{Origin, Style, not_found};

row! {
    /// A mark. With lines it highlights them, without it is a hint at the file.
    pub struct Mark in "marks" {
        /// Its id.
        pub id: u32,
        /// The session.
        pub session_id: u32,
        /// The phase's hint that it shows.
        pub hint_id: Option<u32>,
        /// The file, relative to the project.
        pub path: String,
        /// The first line, from 1.
        pub line_start: Option<u32>,
        /// The last line, inclusive.
        pub line_end: Option<u32>,
        /// How it looks.
        pub style: Style,
        /// What is said at the lines.
        pub hover_text: Option<String>,
        /// Who put it there.
        pub origin: Origin,
        /// Its rung on the hint ladder, 1 to 4.
        pub rung: u32,
        /// Whether the present hint level shows it.
        pub shown: bool,
        /// When it was put there.
        pub created_at: String,
    }
}

/// A mark to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMark {
    /// The session.
    pub session_id: u32,
    /// The phase's hint that it shows.
    pub hint_id: Option<u32>,
    /// The file, relative to the project.
    pub path: String,
    /// The first and the last line, from 1, inclusive.
    pub lines: Option<(u32, u32)>,
    /// How it looks.
    pub style: Style,
    /// What is said at the lines.
    pub hover_text: Option<String>,
    /// Who puts it there.
    pub origin: Origin,
    /// Its rung on the hint ladder, 1 to 4.
    pub rung: u32,
    /// Whether the present hint level shows it.
    pub shown: bool,
}

/// Which marks to take away. Everything, unless a field says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only of this origin.
    pub origin: Option<Origin>,
    /// Only those at lines (`true`), or only those at files (`false`).
    pub at_lines: Option<bool>,
    /// Only of this file.
    pub path: Option<&'a str>,
}

/// Puts a mark.
pub fn add(unit: &mut Unit<'_>, new: &NewMark) -> Result<Mark, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            Mark,
            "INSERT INTO marks (session_id, hint_id, path, line_start, line_end, style, hover_text,
                 origin, rung, shown, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        (
            new.session_id,
            new.hint_id,
            &new.path,
            new.lines.map(|lines| lines.0),
            new.lines.map(|lines| lines.1),
            new.style,
            &new.hover_text,
            new.origin,
            new.rung,
            new.shown,
            now,
        ),
    )
}

/// The marks of a session in the order in which they were put.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<Mark>, StoreError> {
    reader.all(
        select!(Mark, "WHERE session_id = ?1 ORDER BY id"),
        [session_id],
    )
}

/// The marks of one file.
pub fn by_path(reader: &Reader<'_>, session_id: u32, path: &str) -> Result<Vec<Mark>, StoreError> {
    reader.all(
        select!(Mark, "WHERE session_id = ?1 AND path = ?2 ORDER BY id"),
        (session_id, path),
    )
}

/// Takes marks away and returns how many.
pub fn clear(
    unit: &mut Unit<'_>,
    session_id: u32,
    filter: &Filter<'_>,
) -> Result<usize, StoreError> {
    unit.row(
        "DELETE FROM marks WHERE session_id = ?1 AND (?2 IS NULL OR origin = ?2)
             AND (?3 IS NULL OR (line_start IS NOT NULL) = ?3) AND (?4 IS NULL OR path = ?4)",
        (session_id, filter.origin, filter.at_lines, filter.path),
    )
}

/// Takes one mark away; says whether it was there.
pub fn delete(unit: &mut Unit<'_>, id: u32) -> Result<bool, StoreError> {
    Ok(unit.row("DELETE FROM marks WHERE id = ?1", [id])? > 0)
}

/// Moves a mark to other lines; says whether it was there.
pub fn set_lines(unit: &mut Unit<'_>, id: u32, lines: (u32, u32)) -> Result<bool, StoreError> {
    let moved = unit.row(
        "UPDATE marks SET line_start = ?2, line_end = ?3 WHERE id = ?1",
        (id, lines.0, lines.1),
    )?;
    Ok(moved > 0)
}

/// Shows or hides a mark, with or without what is said at its lines.
pub fn set_shown(
    unit: &mut Unit<'_>,
    id: u32,
    shown: bool,
    hover_text: Option<&str>,
) -> Result<Mark, StoreError> {
    unit.change(
        returning!(
            Mark,
            "UPDATE marks SET shown = ?2, hover_text = ?3 WHERE id = ?1"
        ),
        (id, shown, hover_text),
    )?
    .ok_or_else(|| not_found("mark", id))
}

/// Moves the marks of a renamed file, or of every file below a renamed folder, along.
pub fn rename(
    unit: &mut Unit<'_>,
    session_id: u32,
    path: &str,
    new_path: &str,
) -> Result<usize, StoreError> {
    unit.row(
        "UPDATE marks SET path = ?3 || substr(path, length(?2) + 1)
         WHERE session_id = ?1 AND (path = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')",
        (session_id, path, new_path),
    )
}
