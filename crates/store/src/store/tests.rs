mod failures;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::timeline::{self, Filter};
use crate::{ConstraintKind, OpenError};

/// A unit's own error, as a rule above would have it.
#[derive(Debug, PartialEq)]
enum Refused {
    ByRule(&'static str),
    ByStore(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::ByStore(error)
    }
}

struct Fixture {
    folder: tempfile::TempDir,
    store: Store,
}

fn fixture_with(config: Config) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("paige.db"), "/project", config).unwrap();
    Fixture { folder, store }
}

fn fixture() -> Fixture {
    fixture_with(Config::default())
}

impl Fixture {
    fn path(&self) -> PathBuf {
        self.folder.path().join("paige.db")
    }

    fn reopen(&mut self, project_dir: &str) -> Result<(), OpenError> {
        self.store.close();
        self.store = Store::open(&self.path(), project_dir, Config::default())?;
        Ok(())
    }

    fn kinds(&self) -> Vec<String> {
        let all = |reader: &Reader<'_>| timeline::page(reader, &Filter::default(), 1000);
        self.store
            .read(all)
            .unwrap()
            .into_iter()
            .map(|entry| entry.kind.into_owned())
            .collect()
    }

    fn seqs(&self) -> Vec<u64> {
        let all = self.store.outbox(0, u64::MAX, 10_000).unwrap();
        all.iter().map(|push| push.seq).collect()
    }
}

fn entry(kind: &'static str) -> Entry {
    Entry::new(kind, None)
}

fn push(unit: &mut Unit<'_>, kind: &str) -> Result<u64, StoreError> {
    unit.push(kind, format!("{{\"kind\":\"{kind}\"}}"), None)
}

/// Holds the writer until the sender is dropped, so that everything handed over meanwhile becomes
/// one group.
async fn hold(store: &Store) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (started, has_started) = oneshot::channel();
    let holding = store.clone();
    tokio::spawn(async move {
        holding
            .commit(move |_| {
                let _ = started.send(());
                let _ = held.recv();
                Ok::<_, StoreError>(())
            })
            .await
    });
    has_started.await.unwrap();
    release
}

#[tokio::test]
async fn a_unit_keeps_its_entry_and_its_push_together() {
    let f = fixture();
    let mut timeline = f.store.subscribe();
    let (at, id, seq) = f
        .store
        .commit(|unit| {
            let id = unit.log(None, Entry::new("file_open", r#"{"path":"a"}"#.to_owned()))?;
            let seq = unit.push(
                "editor:open_file",
                r#"{"path":"a"}"#.to_owned(),
                Some("2026-02-11T10:00:30.000Z".to_owned()),
            )?;
            Ok::<_, StoreError>((unit.now().to_owned(), id, seq))
        })
        .await
        .unwrap();
    assert_eq!((id, seq), (1, 1));
    assert_eq!(
        *timeline.recv().await.unwrap(),
        TimelineEntry {
            id: 1,
            scope: None,
            kind: "file_open".into(),
            data: Some(r#"{"path":"a"}"#.to_owned()),
            at: at.clone(),
            call_id: None,
        }
    );
    assert_eq!(
        f.store.outbox(0, 10, 10).unwrap(),
        [Arc::new(Push {
            seq: 1,
            kind: "editor:open_file".to_owned(),
            payload: r#"{"path":"a"}"#.to_owned(),
            at,
            expires_at: Some("2026-02-11T10:00:30.000Z".to_owned()),
        })]
    );
    assert_eq!(f.store.cursor().seq, 1);
}

#[tokio::test]
async fn one_unit_of_a_group_fails_alone_and_leaves_no_gap() {
    let f = fixture();
    let mut timeline = f.store.subscribe();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    f.store.on_push(Box::new(move |pushes| {
        hears
            .lock()
            .push(pushes.iter().map(|push| push.seq).collect::<Vec<_>>());
    }));
    let release = hold(&f.store).await;
    let unit = |kind: &'static str, fate: fn() -> Result<(), Refused>| {
        let store = f.store.clone();
        tokio::spawn(async move {
            store
                .commit(move |unit| {
                    unit.log(None, entry(kind))?;
                    let seq = push(unit, kind)?;
                    fate()?;
                    Ok::<_, Refused>(seq)
                })
                .await
        })
    };
    let first = unit("first", || Ok(()));
    tokio::task::yield_now().await;
    let second = unit("second", || Err(Refused::ByRule("not now")));
    tokio::task::yield_now().await;
    let third = unit("third", || panic!("a slip"));
    tokio::task::yield_now().await;
    let fourth = unit("fourth", || Ok(()));
    tokio::task::yield_now().await;
    drop(release);

    assert_eq!(first.await.unwrap(), Ok(1));
    assert_eq!(second.await.unwrap(), Err(Refused::ByRule("not now")));
    assert_eq!(
        third.await.unwrap(),
        Err(Refused::ByStore(StoreError::Panicked {
            message: "a slip".to_owned()
        }))
    );
    assert_eq!(fourth.await.unwrap(), Ok(2));
    assert_eq!(f.kinds(), ["first", "fourth"]);
    assert_eq!(f.seqs(), [1, 2]);
    assert_eq!(*heard.lock(), [vec![1, 2]], "it was one group");
    assert_eq!(timeline.recv().await.unwrap().kind, "first");
    assert_eq!(timeline.recv().await.unwrap().kind, "fourth");
}

#[tokio::test]
async fn numbers_are_contiguous_over_failures_and_restarts() {
    let mut f = fixture();
    let stream = f.store.cursor().stream;
    for round in 0..3_u64 {
        for seq in 1..=3 {
            assert_eq!(
                f.store.commit(|unit| push(unit, "kept")).await,
                Ok(round * 3 + seq)
            );
            let undone = f
                .store
                .commit(|unit| {
                    push(unit, "undone")?;
                    push(unit, "undone")?;
                    Err::<(), _>(Refused::ByRule("no"))
                })
                .await;
            assert_eq!(undone, Err(Refused::ByRule("no")));
        }
        f.reopen("/project").unwrap();
        assert_eq!(
            f.store.cursor(),
            Cursor {
                stream: stream.clone(),
                seq: (round + 1) * 3
            }
        );
    }
    assert_eq!(f.seqs(), (1..=9).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_projects_in_one_file_have_streams_of_their_own() {
    let mut f = fixture();
    f.store.commit(|unit| push(unit, "a")).await.unwrap();
    let first = f.store.cursor();
    f.reopen("/other").unwrap();
    assert_eq!(f.store.cursor().seq, 0);
    assert_ne!(f.store.cursor().stream, first.stream);
    assert_eq!(f.store.outbox_oldest(), 1);
    assert_eq!(f.store.commit(|unit| push(unit, "b")).await, Ok(1));
    assert_eq!(f.store.outbox(0, 9, 9).unwrap()[0].kind, "b");
    f.reopen("/project").unwrap();
    assert_eq!(f.store.cursor(), first);
    assert_eq!(f.store.outbox(0, 9, 9).unwrap()[0].kind, "a");
}

#[tokio::test]
async fn a_unit_sees_its_own_changes_and_others_only_what_is_committed() {
    let f = fixture();
    let store = f.store.clone();
    let (inside, outside) = f
        .store
        .commit(move |unit| {
            unit.log(None, entry("a"))?;
            let count = |reader: &Reader<'_>| timeline::count(reader, &Filter::default());
            Ok::<_, StoreError>((count(unit)?, store.read(count)?))
        })
        .await
        .unwrap();
    assert_eq!((inside, outside), (1, 0));
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment() {
    let f = fixture();
    let count = |reader: &Reader<'_>| timeline::count(reader, &Filter::default());
    let store = f.store.clone();
    let seen = tokio::task::spawn_blocking(move || {
        store.snapshot(|reader| {
            let before = count(reader)?;
            store.commit_blocking(|unit| unit.log(None, entry("meanwhile")))?;
            Ok((before, count(reader)?, store.read(count)?))
        })
    })
    .await
    .unwrap();
    assert_eq!(seen, Ok((0, 0, 1)));
}

#[tokio::test]
async fn observations_are_written_behind_without_a_commit() {
    let f = fixture();
    let mut timeline = f.store.subscribe();
    f.store.observe(None, entry("seen"));
    let heard = tokio::time::timeout(Duration::from_secs(10), timeline.recv())
        .await
        .expect("it is written in its time");
    assert_eq!(heard.unwrap().kind, "seen");
    assert_eq!(f.kinds(), ["seen"]);
}

#[tokio::test]
async fn observations_keep_their_place_among_commits() {
    let f = fixture_with(Config {
        observation_delay: Duration::from_secs(1),
        ..Config::default()
    });
    let mut timeline = f.store.subscribe();
    f.store.observe(None, entry("one"));
    f.store
        .commit(|unit| unit.log(None, entry("two")))
        .await
        .unwrap();
    f.store.observe(None, entry("three"));
    f.store.observed().await;
    assert_eq!(f.kinds(), ["one", "two", "three"]);
    let mut times = Vec::new();
    for kind in ["one", "two", "three"] {
        let heard = timeline.recv().await.unwrap();
        assert_eq!(heard.kind, kind);
        times.push(heard.at.clone());
    }
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn listeners_have_heard_when_the_caller_is_answered() {
    let f = fixture();
    let heard = Arc::new(AtomicU64::new(0));
    let hears = heard.clone();
    let store = f.store.clone();
    f.store.on_push(Box::new(move |pushes| {
        let last = pushes.last().unwrap().seq;
        assert!(store.cursor().seq >= last, "the cursor is never behind");
        hears.store(last, Ordering::SeqCst);
    }));
    for seq in 1..=20 {
        f.store.commit(|unit| push(unit, "a")).await.unwrap();
        assert_eq!(heard.load(Ordering::SeqCst), seq);
    }
    f.store.close();
}

#[tokio::test]
async fn close_writes_what_waits_and_refuses_what_comes_later() {
    let mut f = fixture();
    f.store.observe(None, entry("last words"));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let store = f.store.clone();
            tokio::spawn(async move { store.commit(|unit| push(unit, "a")).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let store = f.store.clone();
    tokio::task::spawn_blocking(move || store.close())
        .await
        .unwrap();
    f.store.close();
    let mut kept = 0;
    for unit in waiting {
        match unit.await.unwrap() {
            Ok(_) => kept += 1,
            Err(error) => assert_eq!(error, StoreError::Closed),
        }
    }
    let closed = f.store.commit(|unit| push(unit, "b")).await;
    assert_eq!(closed, Err(StoreError::Closed));
    assert_eq!(
        f.store.commit_blocking(|unit| push(unit, "b")),
        Err(StoreError::Closed)
    );
    assert_eq!(f.store.read(|_| Ok(())), Err(StoreError::Closed));
    f.store.observe(None, entry("too late"));
    f.store.observed().await;
    let log = f.folder.path().join("paige.db-wal");
    assert!(!log.exists(), "the log was emptied into the file");

    f.reopen("/project").unwrap();
    assert_eq!(f.store.cursor().seq, kept);
    assert_eq!(f.kinds(), ["last words"]);
}

#[tokio::test]
async fn the_last_handle_closes_the_file() {
    let f = fixture();
    f.store
        .commit(|unit| unit.log(None, entry("a")))
        .await
        .unwrap();
    f.store.observe(None, entry("b"));
    let Fixture { folder, store } = f;
    drop(store);
    assert!(!folder.path().join("paige.db-wal").exists());
    let store = Store::open(&folder.path().join("paige.db"), "/p", Config::default()).unwrap();
    let count = store.read(|reader| timeline::count(reader, &Filter::default()));
    assert_eq!(count, Ok(2));
}

#[tokio::test]
async fn the_outbox_is_read_in_parts() {
    let f = fixture();
    for _ in 0..10 {
        f.store.commit(|unit| push(unit, "a")).await.unwrap();
    }
    let check = |after, up_to, limit, expected: &[u64]| {
        let seqs: Vec<_> = f.store.outbox(after, up_to, limit).unwrap();
        let seqs: Vec<_> = seqs.iter().map(|push| push.seq).collect();
        assert_eq!(seqs, expected, "{after} {up_to} {limit}");
    };
    check(0, 3, 10, &[1, 2, 3]);
    check(3, 10, 2, &[4, 5]);
    check(9, u64::MAX, 10, &[10]);
    check(10, 10, 10, &[]);
    check(u64::MAX, u64::MAX, 10, &[]);
}

#[tokio::test]
async fn a_flood_of_concurrent_units_is_answered_in_full_and_in_order() {
    let f = fixture();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = f.store.clone();
            tokio::spawn(async move {
                let mut last = 0;
                for _ in 0..20 {
                    let seq = store.commit(|unit| push(unit, "a")).await.unwrap();
                    assert!(seq > last);
                    last = seq;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(f.seqs(), (1..=64 * 20).collect::<Vec<_>>());
}
