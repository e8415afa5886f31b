//! The labels of the issues that were worked on, with their colours.

use crate::row::{row, select};
use crate::{Reader, StoreError, Unit};

row! {
    /// A label of an issue.
    pub struct IssueLabel in "issue_labels" {
        /// Its id.
        pub id: u32,
        /// The project's folder.
        pub project_dir: String,
        /// The issue.
        pub issue_number: u32,
        /// The label.
        pub label_name: String,
        /// Its colour, six hexadecimal digits.
        pub label_color: Option<String>,
    }
}

/// Replaces the labels of an issue by these names and colours.
pub fn replace(
    unit: &mut Unit<'_>,
    project_dir: &str,
    issue_number: u32,
    labels: &[(String, Option<String>)],
) -> Result<(), StoreError> {
    unit.row(
        "DELETE FROM issue_labels WHERE project_dir = ?1 AND issue_number = ?2",
        (project_dir, issue_number),
    )?;
    for (name, color) in labels {
        unit.row(
            "INSERT INTO issue_labels (project_dir, issue_number, label_name, label_color)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET label_color = excluded.label_color",
            (project_dir, issue_number, name, color),
        )?;
    }
    Ok(())
}

/// The labels of an issue, by name.
pub fn by_issue(
    reader: &Reader<'_>,
    project_dir: &str,
    issue_number: u32,
) -> Result<Vec<IssueLabel>, StoreError> {
    reader.all(
        select!(
            IssueLabel,
            "WHERE project_dir = ?1 AND issue_number = ?2 ORDER BY label_name"
        ),
        (project_dir, issue_number),
    )
}
