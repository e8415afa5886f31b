//! What happens when something goes wrong.

use super::*;

#[tokio::test]
async fn an_observation_that_cannot_be_written_takes_nothing_with_it() {
    let f = fixture();
    f.store.observe(None, Entry::new("a", "no json".to_owned()));
    f.store.observe(Some(4711), entry("b"));
    f.store.observe(None, entry("c"));
    f.store.observed().await;
    assert_eq!(f.kinds(), ["c"]);
}

#[tokio::test]
async fn a_broken_promise_of_the_tables_is_typed() {
    let f = fixture();
    let kind_of = |result: Result<u32, StoreError>| match result {
        Err(StoreError::Constraint { kind, .. }) => Some(kind),
        _ => None,
    };
    let json = f
        .store
        .commit(|unit| unit.log(None, Entry::new("a", "{".to_owned())))
        .await;
    assert_eq!(kind_of(json), Some(ConstraintKind::Check));
    let scope = f.store.commit(|unit| unit.log(Some(7), entry("a"))).await;
    assert_eq!(kind_of(scope), Some(ConstraintKind::ForeignKey));
}

#[tokio::test]
async fn a_listener_that_panics_harms_nobody() {
    let f = fixture();
    f.store.on_push(Box::new(|_| panic!("a bad listener")));
    assert_eq!(f.store.commit(|unit| push(unit, "a")).await, Ok(1));
    assert_eq!(f.store.commit(|unit| push(unit, "b")).await, Ok(2));
}

#[tokio::test]
async fn a_full_disk_fails_the_unit_and_not_the_store() {
    let f = fixture();
    f.store.close();
    let pages = u32::try_from(std::fs::metadata(f.path()).unwrap().len() / 4096).unwrap();
    let store = Store::open(
        &f.path(),
        "/project",
        Config {
            max_pages: Some(pages + 20),
            ..Config::default()
        },
    )
    .unwrap();
    assert_eq!(store.commit(|unit| push(unit, "a")).await, Ok(1));
    let release = hold(&store).await;
    let unit = |payload: String| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(|unit| unit.push("a", payload, None)).await })
    };
    let small = unit("{}".to_owned());
    tokio::task::yield_now().await;
    let large = unit(format!("\"{}\"", "x".repeat(1 << 20)));
    tokio::task::yield_now().await;
    let after = unit("{}".to_owned());
    tokio::task::yield_now().await;
    drop(release);
    // SQLite may undo the statement alone or the whole transaction. Either way each caller is told
    // the truth about its own unit, and no number is lost.
    let kept: Vec<_> = [
        small.await.unwrap(),
        large.await.unwrap(),
        after.await.unwrap(),
    ]
    .into_iter()
    .filter_map(|result| match result {
        Ok(seq) => Some(seq),
        Err(error) => {
            assert_eq!(error, StoreError::Full);
            None
        }
    })
    .collect();
    assert!((1..=2).contains(&kept.len()), "{kept:?}");
    let head = store.cursor().seq;
    assert_eq!(kept, (2..=head).collect::<Vec<_>>());
    assert_eq!(store.commit(|unit| push(unit, "b")).await, Ok(head + 1));
    let seqs: Vec<_> = store
        .outbox(0, 99, 99)
        .unwrap()
        .iter()
        .map(|push| push.seq)
        .collect();
    assert_eq!(seqs, (1..=head + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lock_of_another_process_fails_the_group_and_not_the_store() {
    let f = fixture_with(Config {
        busy_timeout: Duration::from_millis(50),
        ..Config::default()
    });
    let other = rusqlite::Connection::open(f.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = f.store.commit(|unit| push(unit, "a")).await;
    assert_eq!(locked, Err(StoreError::Locked));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(f.store.commit(|unit| push(unit, "a")).await, Ok(1));
}

#[tokio::test]
async fn a_commit_that_fails_fails_every_unit_and_gives_its_numbers_back() {
    let f = fixture();
    let mut timeline = f.store.subscribe();
    let release = hold(&f.store).await;
    let spawn = |deferred: bool| {
        let store = f.store.clone();
        tokio::spawn(async move {
            store
                .commit(move |unit| {
                    if deferred {
                        // A foreign key that is looked at only by COMMIT makes it fail.
                        unit.row("PRAGMA defer_foreign_keys = ON", [])?;
                        unit.log(Some(4711), entry("orphan"))?;
                    }
                    push(unit, "a")
                })
                .await
        })
    };
    let first = spawn(false);
    tokio::task::yield_now().await;
    let second = spawn(true);
    tokio::task::yield_now().await;
    drop(release);
    for result in [first.await.unwrap(), second.await.unwrap()] {
        assert!(
            matches!(
                result,
                Err(StoreError::Constraint {
                    kind: ConstraintKind::ForeignKey,
                    ..
                })
            ),
            "{result:?}"
        );
    }
    assert_eq!(f.store.cursor().seq, 0);
    assert_eq!(f.store.commit(|unit| push(unit, "b")).await, Ok(1));
    assert_eq!(f.seqs(), [1]);
    assert!(timeline.try_recv().is_err(), "nobody heard of it");
}

#[tokio::test]
async fn the_writer_goes_on_after_a_panic() {
    let f = fixture();
    let panicked = f
        .store
        .commit(|_| -> Result<(), StoreError> { panic!("{}", 42) })
        .await;
    assert_eq!(
        panicked,
        Err(StoreError::Panicked {
            message: "42".to_owned()
        })
    );
    assert_eq!(f.store.commit(|unit| push(unit, "a")).await, Ok(1));
}

#[tokio::test]
async fn a_read_that_panics_gives_its_connection_back() {
    let f = fixture_with(Config {
        read_connections: 1,
        busy_timeout: Duration::from_millis(50),
        ..Config::default()
    });
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        f.store.snapshot(|_| -> Result<(), StoreError> { panic!() })
    }));
    assert!(panicked.is_err());
    assert_eq!(f.store.snapshot(|_| Ok(1)), Ok(1));
    // Who holds the only one waits for itself in vain, but not for ever.
    let started = Instant::now();
    let nested = f.store.read(|_| f.store.read(|_| Ok(())));
    assert_eq!(nested, Err(StoreError::Locked));
    assert!(started.elapsed() >= Duration::from_millis(50));
}
