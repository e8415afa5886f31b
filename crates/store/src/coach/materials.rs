//! Learning materials: what to watch or read, kept so that it is not paid for twice.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{MaterialStatus, MaterialType, not_found};

row! {
    /// A learning material.
    pub struct Material in "learning_materials" {
        /// Its id.
        pub id: u32,
        /// The session it was found in.
        pub session_id: u32,
        /// The phase it was found for.
        pub phase_id: Option<u32>,
        /// The gap it is to close.
        pub gap_id: Option<u32>,
        /// What it is.
        pub material_type as "type": MaterialType,
        /// Where it is.
        pub url: String,
        /// Its title.
        pub title: String,
        /// What it teaches.
        pub description: String,
        /// A picture of it.
        pub thumbnail_url: Option<String>,
        /// The question to answer after it.
        pub question: String,
        /// Whether its address came from a model's memory and not from a search.
        pub unverified: bool,
        /// What has become of it.
        pub status: MaterialStatus,
        /// How many times it was opened.
        pub view_count: u32,
        /// When it was found.
        pub created_at: String,
        /// When its question was answered.
        pub completed_at: Option<String>,
    }
}

/// A material to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMaterial {
    /// The session it was found in.
    pub session_id: u32,
    /// The phase it was found for.
    pub phase_id: Option<u32>,
    /// The gap it is to close.
    pub gap_id: Option<u32>,
    /// What it is.
    pub material_type: MaterialType,
    /// Where it is.
    pub url: String,
    /// Its title.
    pub title: String,
    /// What it teaches.
    pub description: String,
    /// A picture of it.
    pub thumbnail_url: Option<String>,
    /// The question to answer after it.
    pub question: String,
    /// Whether its address came from a model's memory and not from a search.
    pub unverified: bool,
}

/// Creates a pending material.
pub fn create(unit: &mut Unit<'_>, new: &NewMaterial) -> Result<Material, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            Material,
            "INSERT INTO learning_materials (session_id, phase_id, gap_id, type, url, title,
                 description, thumbnail_url, question, unverified, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        (
            new.session_id,
            new.phase_id,
            new.gap_id,
            new.material_type,
            &new.url,
            &new.title,
            &new.description,
            &new.thumbnail_url,
            &new.question,
            new.unverified,
            now,
        ),
    )
}

/// The material of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Material>, StoreError> {
    reader.one(select!(Material, "WHERE id = ?1"), [id])
}

/// The materials of a status, newest first.
pub fn by_status(reader: &Reader<'_>, status: MaterialStatus) -> Result<Vec<Material>, StoreError> {
    reader.all(
        select!(
            Material,
            "WHERE status = ?1 ORDER BY created_at DESC, id DESC"
        ),
        [status],
    )
}

/// Counts one more opening.
pub fn viewed(unit: &mut Unit<'_>, id: u32) -> Result<Material, StoreError> {
    unit.change(
        returning!(
            Material,
            "UPDATE learning_materials SET view_count = view_count + 1 WHERE id = ?1"
        ),
        [id],
    )?
    .ok_or_else(|| not_found("learning material", id))
}

/// Sets the status; the time of completion is noted.
pub fn set_status(
    unit: &mut Unit<'_>,
    id: u32,
    status: MaterialStatus,
) -> Result<Material, StoreError> {
    let completed_at = (status == MaterialStatus::Completed).then(|| unit.now());
    unit.change(
        returning!(
            Material,
            "UPDATE learning_materials SET status = ?2, completed_at = ?3 WHERE id = ?1"
        ),
        (id, status, completed_at),
    )?
    .ok_or_else(|| not_found("learning material", id))
}
