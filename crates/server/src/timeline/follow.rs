//! [`Follower`]: the timeline from some entry on, without a gap and without a double.

use std::collections::VecDeque;
use std::sync::Arc;

use paige_store::timeline::{self, Filter, TimelineEntry};
use paige_store::{Store, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};

use super::query::Query;
use super::{Refused, blocking};

/// One who is told of the timeline, first from the store and then as it grows.
///
/// It has subscribed before it reads, so that whatever is committed meanwhile is told by one of the
/// two; what both tell is known by its number, which only grows.
pub(super) struct Follower {
    store: Store,
    query: Query,
    news: broadcast::Receiver<Arc<TimelineEntry>>,
    /// What was read and not yet told.
    waiting: VecDeque<TimelineEntry>,
    /// Everything up to this entry is told, waits, or is not asked for.
    last: Option<u32>,
    /// Whether the store has entries that neither wait nor come as news.
    behind: bool,
    /// Its place among those who follow, given back however the answer ends.
    _room: OwnedSemaphorePermit,
}

impl Follower {
    /// Begins after the query's cursor, with all that it matches when it has a time instead, and with
    /// what comes from now on when it has neither.
    pub(super) async fn start(
        store: Store,
        query: Query,
        room: OwnedSemaphorePermit,
    ) -> Result<Self, Refused> {
        let news = store.subscribe();
        let head = blocking(store.clone(), |store| {
            let newest = store.read(|reader| timeline::recent(reader, &Filter::default(), 1))?;
            Ok(newest.first().map_or(0, |entry| entry.id))
        })
        .await?;
        // Another file's cursor would hide everything until this one has grown as long.
        if let Some(cursor) = query.cursor.filter(|cursor| *cursor > head) {
            return Err(Refused::Query(format!(
                "The `cursor` or Last-Event-ID {cursor} is of another timeline, for the last entry of this one is {head}; start without it."
            )));
        }
        let behind = query.cursor.is_some() || query.since.is_some();
        Ok(Self {
            store,
            news,
            waiting: VecDeque::new(),
            last: if behind { query.cursor } else { Some(head) },
            behind,
            query,
            _room: room,
        })
    }

    /// The next entry; `None` when there will be none, because the store is closed or fails.
    pub(super) async fn next(&mut self) -> Option<Arc<TimelineEntry>> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Some(Arc::new(entry));
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match self.news.recv().await {
                Ok(entry) if self.last.is_some_and(|last| entry.id <= last) => {}
                Ok(entry) => {
                    self.last = Some(entry.id);
                    let is_asked_for = self.query.covers(&entry);
                    self.has_come_to(&entry);
                    if is_asked_for {
                        return Some(entry);
                    }
                }
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "A follower of the timeline reads what it missed.");
                    self.behind = true;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Reads the next page from the store.
    async fn catch_up(&mut self) -> Option<()> {
        let (query, last) = (self.query.clone(), self.last);
        let limit = query.limit;
        let read = blocking(self.store.clone(), move |store| {
            query.read(store, last, limit)
        });
        let entries = match read.await {
            Ok(entries) => entries,
            Err(StoreError::Closed) => return None,
            Err(error) => {
                // The client comes back with the last id that it was told.
                tracing::error!(%error, "A follower of the timeline was let go.");
                return None;
            }
        };
        self.behind = u32::try_from(entries.len()).is_ok_and(|read| read >= limit);
        if let Some(newest) = entries.last() {
            self.last = Some(newest.id);
            self.has_come_to(newest);
        }
        self.waiting = entries.into();
        Some(())
    }

    /// From the first entry that is late enough, all that follow are: the store says so as well, also
    /// where the clock was set back.
    fn has_come_to(&mut self, entry: &TimelineEntry) {
        if self
            .query
            .since
            .as_ref()
            .is_some_and(|since| *since <= entry.at)
        {
            self.query.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paige_store::{Config, Entry, Unit};
    use tokio::sync::Semaphore;

    /// A store whose subscribers lag behind after two entries.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            timeline_capacity: 2,
            ..Config::default()
        };
        let store = Store::open(&folder.path().join("paige.db"), "/project", config);
        (folder, store.expect("a store"))
    }

    async fn log(store: &Store, kind: &'static str) -> u32 {
        let log = move |unit: &mut Unit<'_>| unit.log(None, Entry::new(kind, None));
        let id: Result<u32, StoreError> = store.commit(log).await;
        id.expect("an entry")
    }

    async fn follow(store: &Store, query: &str) -> Result<Follower, Refused> {
        let uri = format!("/timeline{query}").parse().expect("an address");
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned();
        let query = Query::of(&uri).expect("a query");
        Follower::start(store.clone(), query, room.expect("a place")).await
    }

    async fn told(follower: &mut Follower, count: usize) -> Vec<u32> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(follower.next().await.expect("an entry").id);
        }
        ids
    }

    #[tokio::test]
    async fn who_lags_behind_is_told_everything_once() {
        let (_folder, store) = store();
        log(&store, "a").await;
        let mut new = follow(&store, "?limit=2").await.expect("a follower");
        let mut all = follow(&store, "?cursor=0&limit=3")
            .await
            .expect("a follower");
        let since = "?since=2020-01-01T00:00:00Z&type=b&limit=1";
        let mut some = follow(&store, since).await.expect("a follower");
        for kind in ["a", "b", "a", "b", "b", "a", "a", "a", "b"] {
            log(&store, kind).await;
        }
        assert_eq!(told(&mut new, 9).await, (2..=10).collect::<Vec<_>>());
        assert_eq!(told(&mut all, 10).await, (1..=10).collect::<Vec<_>>());
        assert_eq!(told(&mut some, 4).await, [3, 5, 6, 10]);
        // Again, after all have caught up.
        for kind in ["b", "a", "a", "a", "b"] {
            log(&store, kind).await;
        }
        assert_eq!(told(&mut new, 5).await, (11..=15).collect::<Vec<_>>());
        assert_eq!(told(&mut all, 5).await, (11..=15).collect::<Vec<_>>());
        assert_eq!(told(&mut some, 2).await, [11, 15]);
        store.close();
    }

    #[tokio::test]
    async fn a_time_to_come_is_waited_for() {
        let (_folder, store) = store();
        let mut follower = follow(&store, "?since=2999-01-01T00:00:00Z")
            .await
            .expect("a follower");
        for _ in 0..5 {
            log(&store, "a").await;
        }
        let next = tokio::time::timeout(std::time::Duration::from_millis(50), follower.next());
        assert!(next.await.is_err(), "nothing is so late");
    }

    #[tokio::test]
    async fn the_cursor_of_another_timeline_is_refused() {
        let (_folder, store) = store();
        let last = log(&store, "a").await;
        assert!(follow(&store, &format!("?cursor={last}")).await.is_ok());
        let beyond = follow(&store, &format!("?cursor={}", last + 1)).await;
        assert!(matches!(beyond, Err(Refused::Query(_))));
    }
}
