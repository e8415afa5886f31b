//! Searching the record: by meaning, by words, and among what a search index proposes.

use std::collections::HashSet;

use rusqlite::params;

use super::{ENTRY, Record, entry};
use crate::error::MemoryError;
use crate::model::{Entry, Filter, Query, Recalled};
use crate::vector;

/// The most words of a question that are looked for.
const MAX_WORDS: usize = 256;

/// A memory that may be an answer.
#[derive(Debug)]
struct Candidate {
    number: i64,
    distance: f32,
    other: bool,
}

impl Record {
    /// The nearest memories by exact cosine distance among those with a vector of this model.
    pub(crate) fn nearest(
        &self,
        query: &Query,
        model: &str,
        vector: &[f32],
    ) -> Result<Vec<Recalled>, MemoryError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT number, project_dir, embedding FROM memories
             WHERE embedded_by = ?1 AND (?2 IS NULL OR project_dir = ?2)",
        )?;
        let mut rows = statement.query(params![model, only(query)])?;
        let mut candidates = Vec::new();
        while let Some(row) = rows.next()? {
            let embedding = row.get_ref(2)?.as_blob().unwrap_or_default();
            if let Some(distance) = vector::distance(vector, embedding) {
                let project = row.get_ref(1)?.as_str().unwrap_or_default();
                candidates.push(Candidate {
                    number: row.get(0)?,
                    distance,
                    other: is_other(query, project),
                });
            }
        }
        self.best(candidates, query.limit)
    }

    /// The nearest among those that a search index found; `None` when it named one that is not there
    /// (any more) or has another vector, so that it and the record do not agree.
    pub(crate) fn nearest_of(
        &self,
        query: &Query,
        model: &str,
        vector: &[f32],
        ids: &[String],
    ) -> Result<Option<Vec<Recalled>>, MemoryError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT number, project_dir, embedding FROM memories WHERE id = ?1 AND embedded_by = ?2",
        )?;
        let mut candidates = Vec::new();
        for id in ids {
            let mut rows = statement.query(params![id, model])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let embedding = row.get_ref(2)?.as_blob().unwrap_or_default();
            let Some(distance) = vector::distance(vector, embedding) else {
                return Ok(None);
            };
            let project = row.get_ref(1)?.as_str().unwrap_or_default();
            candidates.push(Candidate {
                number: row.get(0)?,
                distance,
                other: is_other(query, project),
            });
        }
        self.best(candidates, query.limit).map(Some)
    }

    /// The best by BM25 among those that have a word of the question.
    pub(crate) fn by_words(&self, query: &Query) -> Result<Vec<Recalled>, MemoryError> {
        let Some(words) = words(&query.text) else {
            return Ok(Vec::new());
        };
        let mut statement = self.conn.prepare_cached(
            "SELECT number, project_dir, -bm25(memory_words) FROM memory_words
             JOIN memories ON number = memory_words.rowid
             WHERE memory_words MATCH ?1 AND (?2 IS NULL OR project_dir = ?2)",
        )?;
        let rows = statement.query_map(params![words, only(query)], |row| {
            let project = row.get_ref(1)?.as_str().unwrap_or_default();
            Ok(Candidate {
                number: row.get(0)?,
                #[expect(clippy::cast_possible_truncation, reason = "a distance needs no more")]
                distance: (1.0 / (1.0 + row.get::<_, f64>(2)?.max(0.0))) as f32,
                other: is_other(query, project),
            })
        })?;
        let candidates = rows.collect::<Result<_, _>>()?;
        self.best(candidates, query.limit)
    }

    /// The memories meant by `filter` that have a word of `text`, the best by BM25 first.
    pub(crate) fn search(&self, text: &str, filter: &Filter) -> Result<Vec<Entry>, MemoryError> {
        let Some(words) = words(text) else {
            return Ok(Vec::new());
        };
        let columns = ENTRY
            .replace("content", "memories.content")
            .replace("tags", "memories.tags");
        let sql = format!(
            "SELECT {columns} FROM memory_words JOIN memories ON number = memory_words.rowid
             WHERE memory_words MATCH ?1 AND (?2 IS NULL OR project_dir = ?2)
               AND (?3 IS NULL OR session_id = ?3) AND (?4 IS NULL OR kind = ?4)
             ORDER BY rank LIMIT ?5"
        );
        let limit = filter.limit.map_or(-1, super::count);
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(
            params![words, filter.project, filter.session, filter.kind, limit],
            |row| entry(row, 0),
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// This project's first, each group by distance, of equals the newer one; the first `limit`.
    fn best(
        &self,
        mut candidates: Vec<Candidate>,
        limit: usize,
    ) -> Result<Vec<Recalled>, MemoryError> {
        candidates.sort_by(|a, b| {
            let distance = || a.distance.total_cmp(&b.distance);
            let newer = || b.number.cmp(&a.number);
            a.other.cmp(&b.other).then_with(distance).then_with(newer)
        });
        candidates.truncate(limit);
        let sql = format!("SELECT {ENTRY} FROM memories WHERE number = ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let recalled = candidates.into_iter().map(|candidate| {
            let entry = statement.query_row([candidate.number], |row| entry(row, 0))?;
            Ok(Recalled {
                id: entry.id,
                content: entry.content,
                metadata: entry.metadata,
                distance: candidate.distance,
                other_project: candidate.other,
            })
        });
        recalled.collect()
    }
}

/// The project beside which no other counts.
fn only(query: &Query) -> Option<&str> {
    query.project.as_deref().filter(|_| query.only_project)
}

fn is_other(query: &Query, project: &str) -> bool {
    query.project.as_deref().is_some_and(|own| own != project)
}

/// A question as FTS5 takes it: any of its words, each quoted, so that no operator is read into it.
fn words(text: &str) -> Option<String> {
    let mut seen = HashSet::new();
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .filter(|word| seen.insert(word.to_lowercase()))
        .take(MAX_WORDS)
        .map(|word| format!("\"{word}\""))
        .collect::<Vec<_>>();
    (!words.is_empty()).then(|| words.join(" OR "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_words_and_nothing_else() {
        assert_eq!(
            words("Why NOT \"use\" AND? why"),
            Some("\"Why\" OR \"NOT\" OR \"use\" OR \"AND\"".to_owned())
        );
        assert_eq!(words(" …?! "), None);
    }
}
