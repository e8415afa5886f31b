//! The ledger: what every attempt at a model call cost (spec: story 7, AC 3 and 7).

pub mod budget;

use std::sync::LazyLock;

use rusqlite::types::ToSql;

use crate::row::FromRow;
use crate::{Reader, StoreError, Unit, schema};

/// The latency of an attempt that failed.
pub const FAILED: i32 = -1;

/// One attempt, to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCall {
    /// What it belongs to, if anything.
    pub scope: Option<u32>,
    /// What it was for.
    pub call_type: String,
    /// The model's full id.
    pub model: String,
    /// A hash of what was asked.
    pub input_hash: Option<String>,
    /// How long it took, in milliseconds; [`FAILED`] if it failed.
    pub latency_ms: i32,
    /// Tokens read, without the cached ones.
    pub input_tokens: u32,
    /// Tokens written.
    pub output_tokens: u32,
    /// Tokens written to the cache.
    pub cache_write_tokens: u32,
    /// Tokens read from the cache.
    pub cache_read_tokens: u32,
    /// US dollars; `None` when the model has no known price, which is not the same as free.
    pub cost_estimate: Option<f64>,
}

/// One attempt as it stands in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its number.
    pub id: u32,
    /// What was written.
    pub call: NewCall,
    /// When (ISO 8601 UTC with milliseconds).
    pub created_at: String,
}

impl FromRow for Call {
    const TABLE: &'static str = schema::LEDGER;
    const COLUMNS: &'static str = schema::LEDGER_COLUMNS;

    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            call: NewCall {
                scope: row.get(1)?,
                call_type: row.get(2)?,
                model: row.get(3)?,
                input_hash: row.get(4)?,
                latency_ms: row.get(5)?,
                input_tokens: row.get(6)?,
                output_tokens: row.get(7)?,
                cache_write_tokens: row.get(8)?,
                cache_read_tokens: row.get(9)?,
                cost_estimate: row.get(10)?,
            },
            created_at: row.get(11)?,
        })
    }
}

/// Sums over attempts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Totals {
    /// Attempts, the failed ones included.
    pub calls: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// Attempts that succeeded with a model whose price is unknown.
    pub unpriced: u32,
    /// US dollars, as far as prices are known.
    pub cost: f64,
    /// The mean latency of those that succeeded, in milliseconds.
    pub mean_latency_ms: Option<f64>,
    /// Tokens read, without the cached ones.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Tokens written to the cache.
    pub cache_write_tokens: u64,
    /// Tokens read from the cache.
    pub cache_read_tokens: u64,
}

/// Which attempts to sum up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Period<'a> {
    /// Only of this scope.
    pub scope: Option<u32>,
    /// Only from this time on (ISO 8601 UTC with milliseconds).
    pub since: Option<&'a str>,
}

/// Writes an attempt.
pub fn insert(unit: &mut Unit<'_>, call: &NewCall) -> Result<Call, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let (_, columns) = Call::COLUMNS.split_once(", ").unwrap_or_default();
        format!(
            "INSERT INTO {} ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING {}",
            Call::TABLE,
            Call::COLUMNS
        )
    });
    let now = unit.now();
    unit.add(
        &SQL,
        (
            call.scope,
            &call.call_type,
            &call.model,
            &call.input_hash,
            call.latency_ms,
            call.input_tokens,
            call.output_tokens,
            call.cache_write_tokens,
            call.cache_read_tokens,
            call.cost_estimate,
            now,
        ),
    )
}

/// The last `limit` attempts of a scope, newest first.
pub fn recent(
    reader: &Reader<'_>,
    scope: Option<u32>,
    limit: u32,
) -> Result<Vec<Call>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {} FROM {} WHERE {} IS ?1 ORDER BY id DESC LIMIT ?2",
            Call::COLUMNS,
            Call::TABLE,
            schema::SCOPE
        )
    });
    reader.all(&SQL, (scope, limit))
}

/// The sums over a period.
pub fn totals(reader: &Reader<'_>, period: &Period<'_>) -> Result<Totals, StoreError> {
    let (conditions, values) = conditions(period);
    let sql = format!("SELECT {SUMS} FROM {}{conditions}", schema::LEDGER);
    let mut all = reader.map(&sql, values.as_slice(), sums)?;
    Ok(all.pop().unwrap_or_default())
}

/// The sums over a period for each model, the most expensive first.
pub fn totals_by_model(
    reader: &Reader<'_>,
    period: &Period<'_>,
) -> Result<Vec<(String, Totals)>, StoreError> {
    let (conditions, values) = conditions(period);
    let sql = format!(
        "SELECT {SUMS}, model FROM {}{conditions} GROUP BY model ORDER BY 4 DESC, model",
        schema::LEDGER
    );
    reader.map(&sql, values.as_slice(), |row| Ok((row.get(9)?, sums(row)?)))
}

/// The sums over a period for each type of call and model, the most expensive first.
pub fn totals_by_type_and_model(
    reader: &Reader<'_>,
    period: &Period<'_>,
) -> Result<Vec<(String, String, Totals)>, StoreError> {
    let (conditions, values) = conditions(period);
    let sql = format!(
        "SELECT {SUMS}, call_type, model FROM {}{conditions}
         GROUP BY call_type, model ORDER BY 4 DESC, call_type, model",
        schema::LEDGER
    );
    reader.map(&sql, values.as_slice(), |row| {
        Ok((row.get(9)?, row.get(10)?, sums(row)?))
    })
}

const SUMS: &str = "count(*), count(*) FILTER (WHERE latency_ms < 0), \
     count(*) FILTER (WHERE cost_estimate IS NULL AND latency_ms >= 0), total(cost_estimate), \
     avg(latency_ms) FILTER (WHERE latency_ms >= 0), ifnull(sum(input_tokens), 0), \
     ifnull(sum(output_tokens), 0), ifnull(sum(cache_write_tokens), 0), ifnull(sum(cache_read_tokens), 0)";

fn sums(row: &rusqlite::Row<'_>) -> rusqlite::Result<Totals> {
    let tokens = |column: usize| -> rusqlite::Result<u64> {
        Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
    };
    Ok(Totals {
        calls: row.get(0)?,
        failed: row.get(1)?,
        unpriced: row.get(2)?,
        cost: row.get(3)?,
        mean_latency_ms: row.get(4)?,
        input_tokens: tokens(5)?,
        output_tokens: tokens(6)?,
        cache_write_tokens: tokens(7)?,
        cache_read_tokens: tokens(8)?,
    })
}

fn conditions<'a>(period: &'a Period<'a>) -> (String, Vec<&'a dyn ToSql>) {
    match (&period.scope, &period.since) {
        (None, None) => (String::new(), vec![]),
        (Some(scope), None) => (format!(" WHERE {} = ?1", schema::SCOPE), vec![scope]),
        (None, Some(since)) => (" WHERE created_at >= ?1".to_owned(), vec![since]),
        (Some(scope), Some(since)) => (
            format!(" WHERE {} = ?1 AND created_at >= ?2", schema::SCOPE),
            vec![scope, since],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Store};

    fn call(model: &str, latency_ms: i32, cost_estimate: Option<f64>) -> NewCall {
        NewCall {
            scope: None,
            call_type: "triage_model".to_owned(),
            model: model.to_owned(),
            input_hash: Some("0011223344556677".to_owned()),
            latency_ms,
            input_tokens: 100,
            output_tokens: 10,
            cache_write_tokens: 3,
            cache_read_tokens: 2,
            cost_estimate,
        }
    }

    #[test]
    fn totals_leave_failures_out_of_the_mean_and_count_the_unpriced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let store = Store::open(&path, "/project", Config::default()).unwrap();
        let calls = [
            call("large", 300, Some(0.5)),
            call("small", 100, Some(0.25)),
            call("small", FAILED, Some(0.0)),
            call("local", 200, None),
        ];
        let written = store
            .commit_blocking(move |unit| {
                calls
                    .iter()
                    .map(|call| insert(unit, call))
                    .collect::<Result<Vec<_>, StoreError>>()
            })
            .unwrap();
        assert_eq!(written[3].call, call("local", 200, None));

        let everything = Period::default();
        let expected = Totals {
            calls: 4,
            failed: 1,
            unpriced: 1,
            cost: 0.75,
            mean_latency_ms: Some(200.0),
            input_tokens: 400,
            output_tokens: 40,
            cache_write_tokens: 12,
            cache_read_tokens: 8,
        };
        let seen = store.read(|reader| totals(reader, &everything)).unwrap();
        assert_eq!(seen, expected);
        let by_model = store
            .read(|reader| totals_by_model(reader, &everything))
            .unwrap();
        let costs: Vec<_> = by_model
            .iter()
            .map(|(model, totals)| (model.as_str(), totals.calls, totals.cost))
            .collect();
        assert_eq!(
            costs,
            [("large", 1, 0.5), ("small", 2, 0.25), ("local", 1, 0.0)]
        );

        let by_both = store
            .read(|reader| totals_by_type_and_model(reader, &everything))
            .unwrap();
        let by_both: Vec<_> = by_both
            .iter()
            .map(|(kind, model, totals)| (kind.as_str(), model.as_str(), totals.calls))
            .collect();
        assert_eq!(
            by_both,
            [
                ("triage_model", "large", 1),
                ("triage_model", "small", 2),
                ("triage_model", "local", 1)
            ]
        );

        let nothing = [
            Period {
                scope: Some(1),
                since: None,
            },
            Period {
                scope: None,
                since: Some("2999-01-01T00:00:00.000Z"),
            },
            Period {
                scope: Some(1),
                since: Some("2000-01-01T00:00:00.000Z"),
            },
        ];
        for period in nothing {
            let seen = store.read(|reader| totals(reader, &period)).unwrap();
            assert_eq!(seen, Totals::default(), "{period:?}");
        }
        let last = store.read(|reader| recent(reader, None, 2)).unwrap();
        assert_eq!(last, [written[3].clone(), written[2].clone()]);
    }
}
