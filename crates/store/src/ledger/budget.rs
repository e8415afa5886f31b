//! Budgets: what an attempt may cost at most is set aside before it is sent, and given back when it
//! is settled, so that many at once keep to a limit as one after the other would.

use std::sync::LazyLock;

use crate::{Reader, StoreError, Unit, schema};

use super::{Call, NewCall, Period, insert, totals};

/// Sums of money are compared with this much tolerance, since they are sums of binary fractions.
const TOLERANCE: f64 = 1e-9;

/// A bound on what attempts may cost together.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit<'a> {
    /// Which attempts count; what is set aside counts by its scope alone.
    pub period: Period<'a>,
    /// US dollars.
    pub max: f64,
}

/// What stands against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Standing {
    /// US dollars spent.
    pub spent: f64,
    /// US dollars set aside for attempts under way.
    pub reserved: f64,
}

/// Sets an amount aside for an attempt, unless that would go beyond one of the limits: then the index
/// of the first such limit comes back, with how it stands, and nothing is changed.
///
/// # Errors
/// When the database fails.
pub fn reserve(
    unit: &mut Unit<'_>,
    attempt_id: &str,
    scope: Option<u32>,
    amount: f64,
    limits: &[Limit<'_>],
) -> Result<Result<(), (usize, Standing)>, StoreError> {
    for (index, limit) in limits.iter().enumerate() {
        let standing = standing(unit, &limit.period)?;
        if standing.spent + standing.reserved + amount > limit.max + TOLERANCE {
            return Ok(Err((index, standing)));
        }
    }
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO {} (attempt_id, {}, amount, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
            schema::RESERVATIONS,
            schema::SCOPE
        )
    });
    let now = unit.now();
    unit.row(&SQL, (attempt_id, scope, amount, now))?;
    Ok(Ok(()))
}

/// Writes what became of an attempt and gives back what was set aside for it. An attempt that is
/// settled already is left as it is, and answered with `None`: however often and in whatever order
/// attempts are reported, each counts once.
///
/// # Errors
/// When the database fails.
pub fn settle(
    unit: &mut Unit<'_>,
    attempt_id: &str,
    call: &NewCall,
) -> Result<Option<Call>, StoreError> {
    static KNOWN: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE attempt_id = ?1)",
            schema::LEDGER
        )
    });
    static NAME: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE {} SET attempt_id = ?2 WHERE id = ?1",
            schema::LEDGER
        )
    });
    static RELEASE: LazyLock<String> =
        LazyLock::new(|| format!("DELETE FROM {} WHERE attempt_id = ?1", schema::RESERVATIONS));
    unit.row(&RELEASE, [attempt_id])?;
    if unit.value(&KNOWN, [attempt_id])? {
        return Ok(None);
    }
    let written = insert(unit, call)?;
    unit.row(&NAME, (written.id, attempt_id))?;
    Ok(Some(written))
}

/// Gives back all that is set aside: after a crash no attempt is under way any more. Returns how many
/// there were.
///
/// # Errors
/// When the database fails.
pub fn release_all(unit: &mut Unit<'_>) -> Result<usize, StoreError> {
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("DELETE FROM {}", schema::RESERVATIONS));
    unit.row(&SQL, [])
}

/// How a period stands.
///
/// # Errors
/// When the database fails.
pub fn standing(reader: &Reader<'_>, period: &Period<'_>) -> Result<Standing, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT total(amount) FROM {} WHERE ?1 IS NULL OR {} = ?1",
            schema::RESERVATIONS,
            schema::SCOPE
        )
    });
    Ok(Standing {
        spent: totals(reader, period)?.cost,
        reserved: reader.value(&SQL, [period.scope])?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Config, Store};

    fn open(folder: &tempfile::TempDir) -> Store {
        Store::open(
            &folder.path().join("paige.db"),
            "/project",
            Config::default(),
        )
        .unwrap()
    }

    fn call(cost: f64) -> NewCall {
        NewCall {
            scope: None,
            call_type: "coach_agent".to_owned(),
            model: "large".to_owned(),
            input_hash: None,
            latency_ms: 10,
            input_tokens: 1,
            output_tokens: 1,
            cache_write_tokens: 0,
            cache_read_tokens: 0,
            cost_estimate: Some(cost),
        }
    }

    fn try_reserve(store: &Store, id: &str, amount: f64, max: f64) -> bool {
        let id = id.to_owned();
        store
            .commit_blocking::<_, StoreError>(move |unit| {
                let limit = Limit {
                    period: Period::default(),
                    max,
                };
                Ok(reserve(unit, &id, None, amount, &[limit])?.is_ok())
            })
            .unwrap()
    }

    /// Issue 4: of twenty at once on a budget for three, three are sent.
    #[test]
    fn twenty_at_once_on_a_budget_for_three_are_three() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let allowed = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..20)
                .map(|n| {
                    let store = &store;
                    scope.spawn(move || try_reserve(store, &format!("attempt {n}"), 0.1, 0.3))
                })
                .collect();
            let allowed = tries.into_iter().map(|handle| handle.join().unwrap());
            allowed.filter(|allowed| *allowed).count()
        });
        assert_eq!(allowed, 3);
        let left = store
            .read(|reader| standing(reader, &Period::default()))
            .unwrap();
        assert!((left.reserved - 0.3).abs() < 1e-9, "{left:?}");

        // What a crash has left behind is given back.
        let released = store.commit_blocking::<_, StoreError>(release_all).unwrap();
        assert_eq!(released, 3);
        assert!(try_reserve(&store, "after", 0.3, 0.3));
    }

    #[test]
    fn what_was_spent_counts_and_a_refusal_says_how_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        assert!(try_reserve(&store, "a", 0.5, 1.0));
        store
            .commit_blocking::<_, StoreError>(|unit| settle(unit, "a", &call(0.75)))
            .unwrap();
        let refused = store
            .commit_blocking::<_, StoreError>(|unit| {
                let limits = [2.0, 1.0].map(|max| Limit {
                    period: Period::default(),
                    max,
                });
                reserve(unit, "b", None, 0.5, &limits)
            })
            .unwrap();
        let standing = Standing {
            spent: 0.75,
            reserved: 0.0,
        };
        assert_eq!(refused, Err((1, standing)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Issue 4: any duplication or reordering of reports gives the same total.
        #[test]
        fn reports_may_come_twice_and_in_any_order(
            costs in proptest::collection::vec(0u32..1000, 1..8),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..24),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder);
            let all = order.iter().map(|index| index.index(costs.len())).chain(0..costs.len());
            for n in all {
                let cost = f64::from(costs[n]) / 1000.0;
                store
                    .commit_blocking::<_, StoreError>(move |unit| settle(unit, &n.to_string(), &call(cost)))
                    .unwrap();
            }
            let totals = store.read(|reader| totals(reader, &Period::default())).unwrap();
            let expected = f64::from(costs.iter().sum::<u32>()) / 1000.0;
            prop_assert!((totals.cost - expected).abs() < 1e-9);
            prop_assert_eq!(totals.calls as usize, costs.len());
        }
    }
}
