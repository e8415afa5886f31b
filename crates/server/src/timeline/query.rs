//! What a client asks of the timeline.

use axum::http::{HeaderMap, Uri};
use paige_store::timeline::{self, Filter, TimelineEntry};
use paige_store::{Store, StoreError, from_millis, millis_between};

/// How many entries there are in a page when nothing is said.
const LIMIT: u32 = 100;
/// The most entries in a page.
const MAX_LIMIT: u32 = 1000;

/// What a reconnecting client says that it has seen.
const LAST_EVENT_ID: &str = "last-event-id";

/// The parameters of `GET /timeline`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// Only of this session; `Some(None)` asks for what happened without one.
    pub(super) session: Option<Option<u32>>,
    /// Only of this action type.
    pub(super) kind: Option<String>,
    /// Only from this time on, as times stand on the timeline.
    pub(super) since: Option<String>,
    /// The most entries in a page; of a stream, how many are read at a time.
    pub(super) limit: u32,
    /// The last entry that the client has seen.
    pub(super) cursor: Option<u32>,
}

impl Query {
    /// Reads the parameters. The error is a sentence that names the wrong one.
    pub(super) fn of(uri: &Uri) -> Result<Self, String> {
        let mut query = Self {
            session: None,
            kind: None,
            since: None,
            limit: LIMIT,
            cursor: None,
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs(uri)? {
            match &*name {
                "session" => query.session = Some(session(&value)?),
                "type" => query.kind = Some(kind(&value)?),
                "since" => query.since = Some(since(&value)?),
                "limit" => query.limit = limit(&value)?,
                "cursor" => query.cursor = Some(cursor(&value)?),
                _ => {
                    let name: String = name.chars().take(40).collect();
                    return Err(format!(
                        "There is no parameter `{name}`; those of this route are session, type, since, limit and cursor."
                    ));
                }
            }
            if seen.contains(&name) {
                return Err(format!(
                    "The parameter `{name}` is given more than once; give it once."
                ));
            }
            seen.push(name);
        }
        Ok(query)
    }

    /// The same from where a stream was cut off: a client that connects again repeats its address,
    /// so that what it has seen since counts more than the cursor in it.
    pub(super) fn resumed(mut self, headers: &HeaderMap) -> Result<Self, String> {
        if let Some(id) = headers.get(LAST_EVENT_ID)
            && !id.is_empty()
        {
            let id = id.to_str().ok().and_then(|id| id.parse().ok());
            self.cursor = Some(id.ok_or(
                "The header Last-Event-ID must be the id of the last event that was received, a whole number.",
            )?);
        }
        Ok(self)
    }

    /// Up to `limit` entries after one, oldest first.
    pub(super) fn read(
        &self,
        store: &Store,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<TimelineEntry>, StoreError> {
        let filter = Filter {
            scope: self.session,
            kind: self.kind.as_deref(),
            since: self.since.as_deref(),
            after,
            before: None,
        };
        store.read(|reader| timeline::page(reader, &filter, limit))
    }

    /// Whether an entry is asked for, wherever it stands.
    pub(super) fn covers(&self, entry: &TimelineEntry) -> bool {
        self.session.is_none_or(|session| session == entry.scope)
            && self.kind.as_ref().is_none_or(|kind| *kind == entry.kind)
            && self.since.as_ref().is_none_or(|since| *since <= entry.at)
    }
}

fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, String> {
    axum::extract::Query::try_from_uri(uri)
        .map(|axum::extract::Query(pairs)| pairs)
        .map_err(|_| "The query cannot be read; write it as `name=value&name=value`.".to_owned())
}

fn session(value: &str) -> Result<Option<u32>, String> {
    match value {
        "none" => Ok(None),
        id => id.parse().map(Some).map_err(|_| {
            "The parameter `session` must be the id of a session, or `none` for what happened without one."
                .to_owned()
        }),
    }
}

/// Any name of that shape will do: the file may hold types that this version does not know.
fn kind(value: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !value.is_empty() && value.chars().all(is_name) {
        Ok(value.to_owned())
    } else {
        Err("The parameter `type` must be a type of action, such as `file_save`.".to_owned())
    }
}

fn since(value: &str) -> Result<String, String> {
    normalised(value)
        // In a query a plus sign means a blank, and nearly everybody forgets to write it as %2B.
        .or_else(|| {
            let (time, offset) = value.rsplit_once(' ')?;
            normalised(&format!("{time}+{offset}"))
        })
        .ok_or_else(|| {
            "The parameter `since` must be a time in ISO 8601 with an offset, such as `2026-02-11T10:00:00Z`."
                .to_owned()
        })
}

/// The time as it would stand on the timeline: UTC with milliseconds. What is before 1970 is before
/// everything.
fn normalised(time: &str) -> Option<String> {
    let millis = millis_between("1970-01-01T00:00:00.000Z", time)?;
    let text = from_millis(i64::try_from(millis).ok()?);
    // A year of five digits would not sort among the others.
    text.starts_with(|c: char| c.is_ascii_digit())
        .then_some(text)
}

fn limit(value: &str) -> Result<u32, String> {
    let limit = value.parse().ok();
    limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| {
            format!("The parameter `limit` must be a whole number from 1 to {MAX_LIMIT}.")
        })
}

fn cursor(value: &str) -> Result<u32, String> {
    value.parse().map_err(|_| {
        "The parameter `cursor` must be a whole number: the `nextCursor` of a page, or the id of an entry."
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn query(text: &str) -> Result<Query, String> {
        let uri: Uri = format!("/timeline{text}").parse().expect("an address");
        Query::of(&uri)
    }

    #[test]
    fn parameters_are_read() {
        let all = Query {
            session: None,
            kind: None,
            since: None,
            limit: 100,
            cursor: None,
        };
        let check = |text: &str, expected: Query| assert_eq!(query(text), Ok(expected), "{text}");
        check("", all.clone());
        check("?", all.clone());
        check(
            "?session=3",
            Query {
                session: Some(Some(3)),
                ..all.clone()
            },
        );
        check(
            "?session=none",
            Query {
                session: Some(None),
                ..all.clone()
            },
        );
        check(
            "?type=file%5Fsave&limit=1000&cursor=0",
            Query {
                kind: Some("file_save".to_owned()),
                limit: 1000,
                cursor: Some(0),
                ..all
            },
        );
    }

    #[test]
    fn times_of_any_offset_are_read() {
        let check = |text: &str, expected: &str| {
            let read = query(&format!("?since={text}")).map(|query| query.since);
            assert_eq!(read, Ok(Some(expected.to_owned())), "{text}");
        };
        check("2026-02-11T10:00:00.250Z", "2026-02-11T10:00:00.250Z");
        check("2026-02-11T10:00:00Z", "2026-02-11T10:00:00.000Z");
        check("2026-02-11t10:00:00z", "2026-02-11T10:00:00.000Z");
        check("2026-02-11T12:00:00%2B02:00", "2026-02-11T10:00:00.000Z");
        check("2026-02-11T12:00:00+02:00", "2026-02-11T10:00:00.000Z");
        check("2026-02-11T00:30:00-09:30", "2026-02-11T10:00:00.000Z");
        check("2026-02-11T10:00:00.123456789Z", "2026-02-11T10:00:00.123Z");
        check("1912-06-23T00:00:00Z", "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let check = |text: &str, name: &str| {
            let wrong = query(text).expect_err(text);
            assert!(wrong.contains(&format!("`{name}`")), "{text}: {wrong}");
            assert!(wrong.ends_with('.'), "{wrong}");
        };
        for text in ["", "x", "-1", "1.5", "4294967296", "None", "1,2"] {
            check(&format!("?session={text}"), "session");
        }
        for text in ["", "file-save", "FileSave", "a%00", "a'", "a%20b"] {
            check(&format!("?type={text}"), "type");
        }
        for text in [
            "",
            "yesterday",
            "2026-02-11",
            "2026-02-11T10:00:00",
            "2026-13-11T10:00:00Z",
            "9999-12-31T23:59:59-12:00",
            "1770804000000",
        ] {
            check(&format!("?since={text}"), "since");
        }
        for text in ["", "0", "1001", "-1", "ten", "4294967297"] {
            check(&format!("?limit={text}"), "limit");
        }
        for text in ["", "-1", "x", "4294967296"] {
            check(&format!("?cursor={text}"), "cursor");
        }
        check("?page=2", "page");
        check("?Session=1", "Session");
        check("?session=1&after", "after");
        check("?limit=1&limit=1", "limit");
    }

    #[test]
    fn the_last_event_counts_more_than_the_cursor() {
        let check = |id: Option<&'static str>, expected: Option<Option<u32>>| {
            let mut headers = HeaderMap::new();
            if let Some(id) = id {
                headers.insert(LAST_EVENT_ID, HeaderValue::from_static(id));
            }
            let resumed = query("?cursor=3").and_then(|query| query.resumed(&headers));
            assert_eq!(resumed.ok().map(|query| query.cursor), expected, "{id:?}");
        };
        check(None, Some(Some(3)));
        check(Some(""), Some(Some(3)));
        check(Some("17"), Some(Some(17)));
        check(Some("0"), Some(Some(0)));
        check(Some("-1"), None);
        check(Some("x"), None);
    }
}
