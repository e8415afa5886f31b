//! The timeline's door: pages that give each entry once, and streams that miss none.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_protocol::coach::{TimelineEntry, TimelinePage};
use paige_tests::mcp::Era;
use paige_tests::sidecar::PATIENCE;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use reqwest::{Client, Response, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

/// How often the tests let Claude call a tool and the human save a file.
const TURNS: usize = 30;

async fn get(sidecar: &Sidecar, query: &str, headers: &[(&str, &str)]) -> Result<Response> {
    let url = sidecar.url(&format!("/timeline{query}"));
    let mut request = Client::new().get(url).bearer_auth(&sidecar.tokens[0]);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(timeout(PATIENCE, request.send()).await??)
}

/// A page, which must be what the protocol says.
async fn page(sidecar: &Sidecar, query: &str) -> Result<Value> {
    let answer = get(sidecar, query, &[]).await?;
    ensure!(answer.status() == StatusCode::OK, "{query}: {answer:?}");
    let text = answer.text().await?;
    serde_json::from_str::<TimelinePage>(&text).with_context(|| text.clone())?;
    Ok(serde_json::from_str(&text)?)
}

/// The ids of a page.
fn ids(page: &Value) -> Vec<u64> {
    let entries = page["entries"].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry["id"].as_u64()).collect()
}

/// The ids of the entries in the database for which this holds.
fn recorded(project: &Project, condition: &str) -> Result<Vec<u64>> {
    let sql = format!("SELECT id FROM action_log WHERE {condition} ORDER BY id");
    let rows = Record::of(project)?.rows(&sql, [])?;
    Ok(rows.iter().filter_map(|row| row["id"].as_u64()).collect())
}

/// A client that follows the timeline.
struct Follower {
    answer: Response,
    text: String,
    /// What it was told, in the order of arrival.
    seen: Vec<u64>,
}

impl Follower {
    async fn start(sidecar: &Sidecar, query: &str, last: Option<u64>) -> Result<Self> {
        let last = last.map(|id| id.to_string());
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.as_deref().map(|id| ("last-event-id", id)));
        let answer = get(sidecar, query, &headers).await?;
        ensure!(answer.status() == StatusCode::OK, "{answer:?}");
        let kind = &answer.headers()["content-type"];
        ensure!(kind == "text/event-stream", "{kind:?}");
        Ok(Self {
            answer,
            text: String::new(),
            seen: Vec::new(),
        })
    }

    /// The next entry; `None` at the end of the stream.
    async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                let lines: Vec<&str> = event.lines().collect();
                let [id, "event: action", data] = lines.as_slice() else {
                    anyhow::bail!("an event of another shape: {event}");
                };
                let data = data.strip_prefix("data: ").context("data")?;
                let told: TimelineEntry = serde_json::from_str(data).context(data.to_owned())?;
                ensure!(*id == format!("id: {}", told.id), "{event}");
                self.seen.push(told.id.into());
                return Ok(Some(serde_json::from_str(data)?));
            }
            match timeout(PATIENCE, self.answer.chunk()).await?? {
                Some(bytes) => self.text.push_str(std::str::from_utf8(&bytes)?),
                None => return Ok(None),
            }
        }
    }

    /// Reads until this entry has come.
    async fn until(&mut self, id: u64) -> Result<()> {
        while self.seen.last().is_none_or(|last| *last < id) {
            self.next()
                .await?
                .with_context(|| format!("the stream ended before entry {id}"))?;
        }
        Ok(())
    }
}

/// A sidecar with a session, a client and Claude.
async fn started(project: &Project) -> Result<(Sidecar, Socket, Claude)> {
    let sidecar = Sidecar::start(project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human
        .request("hints:level_change", json!({"to": "low"}))
        .await?;
    human.request("session:start", json!({})).await?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    Ok((sidecar, human, claude))
}

/// A save and a call of a tool: a change and an observation at the least.
async fn turn(human: &mut Socket, claude: &Claude, n: usize) -> Result<()> {
    let save = json!({"path": "a.txt", "content": format!("{n}\n")});
    human.request("file:save", save).await?;
    claude
        .call(
            "paige_show_message",
            json!({"message": format!("{n}"), "type": "info"}),
        )
        .await?;
    Ok(())
}

/// Waits until all of the turns is written, and returns the number of the last entry.
async fn settled(project: &Project, turns: usize) -> Result<u64> {
    let count = "SELECT count(*) AS n FROM action_log WHERE action_type = 'mcp_tool_call'";
    Record::of(project)?
        .expect_rows(count, &[json!({"n": turns})])
        .await?;
    let all = recorded(project, "true")?;
    all.last().copied().context("entries")
}

#[tokio::test]
async fn pages_give_each_entry_once_in_order() -> Result<()> {
    let project = Project::empty()?;
    let (sidecar, mut human, claude) = started(&project).await?;
    for n in 0..TURNS {
        turn(&mut human, &claude, n).await?;
    }
    settled(&project, TURNS).await?;
    let expected = recorded(&project, "session_id = 1")?;
    assert!(expected.len() > 2 * TURNS, "{expected:?}");
    for limit in [1, 7, 1000] {
        let (mut seen, mut cursor) = (Vec::<u64>::new(), String::new());
        loop {
            let page = page(&sidecar, &format!("?session=1&limit={limit}{cursor}")).await?;
            let ids = ids(&page);
            assert!(!ids.is_empty() && ids.len() <= limit, "{ids:?}");
            seen.extend(&ids);
            if page["nextCursor"].is_null() {
                break;
            }
            assert_eq!(page["nextCursor"].as_u64(), ids.last().copied());
            cursor = format!("&cursor={}", page["nextCursor"]);
        }
        assert_eq!(seen, expected, "in pages of {limit}");
    }
    // Nothing says of itself that there is more.
    let last = expected.last().context("entries")?;
    let end = page(&sidecar, &format!("?cursor={last}")).await?;
    assert_eq!(end, json!({"entries": [], "nextCursor": null}));
    claude.close().await
}

#[tokio::test]
async fn filters_choose_among_all_entries() -> Result<()> {
    let project = Project::empty()?;
    let (sidecar, mut human, claude) = started(&project).await?;
    for n in 0..3 {
        turn(&mut human, &claude, n).await?;
    }
    settled(&project, 3).await?;
    let row = Record::of(&project)?.row(
        "SELECT created_at FROM action_log WHERE action_type = 'file_save' ORDER BY id LIMIT 1 OFFSET 1",
        [],
    )?;
    let at = row["created_at"].as_str().context("a time")?;
    let elsewhere = format!("{}%2B00:00", at.trim_end_matches('Z'));
    for (query, condition) in [
        (String::new(), "true".to_owned()),
        ("?session=1".to_owned(), "session_id = 1".to_owned()),
        ("?session=none".to_owned(), "session_id IS NULL".to_owned()),
        ("?session=99".to_owned(), "false".to_owned()),
        (
            "?type=file_save".to_owned(),
            "action_type = 'file_save'".to_owned(),
        ),
        ("?type=nothing_like_it".to_owned(), "false".to_owned()),
        (format!("?since={at}"), format!("created_at >= '{at}'")),
        (
            format!("?since={elsewhere}&type=mcp_tool_call&session=1"),
            format!("created_at >= '{at}' AND action_type = 'mcp_tool_call'"),
        ),
        ("?since=2999-01-01T00:00:00Z".to_owned(), "false".to_owned()),
        ("?cursor=2".to_owned(), "id > 2".to_owned()),
    ] {
        let page = page(&sidecar, &query).await?;
        assert_eq!(ids(&page), recorded(&project, &condition)?, "{query}");
        assert!(page["nextCursor"].is_null(), "{query}");
    }
    // An entry is told as it stands.
    let saves = page(&sidecar, "?type=file_save&limit=1").await?;
    let save = &saves["entries"][0];
    assert_eq!(save["sessionId"], 1);
    assert_eq!(save["actionType"], "file_save");
    assert_eq!(save["data"], json!({"path": "a.txt", "charCount": 2}));
    assert_eq!(save.get("callId"), None);
    // What one call did has one id.
    let calls = page(&sidecar, "?type=mcp_tool_call&limit=1").await?;
    let messages = page(&sidecar, "?type=coaching_message&limit=1").await?;
    let call = &calls["entries"][0]["callId"];
    assert!(call.is_string(), "{calls}");
    assert_eq!(call, &messages["entries"][0]["callId"]);
    claude.close().await
}

#[tokio::test]
async fn wrong_parameters_are_named() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    for accept in ["application/json", "text/event-stream"] {
        for (query, name) in [
            ("?session=x", "session"),
            ("?type=", "type"),
            ("?since=yesterday", "since"),
            ("?limit=0", "limit"),
            ("?limit=1001", "limit"),
            ("?cursor=-1", "cursor"),
            ("?page=2", "page"),
            ("?limit=1&limit=2", "limit"),
        ] {
            let answer = get(&sidecar, query, &[("accept", accept)]).await?;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
            let error: Value = answer.json().await?;
            assert_eq!(error["code"], "INVALID_ARGUMENT", "{query}: {error}");
            let sentence = error["error"].as_str().unwrap_or_default();
            assert!(sentence.contains(&format!("`{name}`")), "{sentence}");
        }
    }
    let stream = ("accept", "text/event-stream");
    for (query, id) in [("", "x"), ("", "5000"), ("?cursor=5000", "")] {
        let answer = get(&sidecar, query, &[stream, ("last-event-id", id)]).await?;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query} {id}");
        let error: Value = answer.json().await?;
        let sentence = error["error"].as_str().unwrap_or_default();
        assert!(sentence.contains("Last-Event-ID"), "{sentence}");
    }
    Ok(())
}

#[tokio::test]
async fn only_the_human_reads_it() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let [ui, mcp, hook] = sidecar.tokens.each_ref().map(|token| Some(&**token));
    for (token, expected) in [
        (None, 401),
        (Some("x"), 401),
        (mcp, 403),
        (hook, 403),
        (ui, 200),
    ] {
        for accept in ["application/json", "text/event-stream"] {
            let mut request = Client::new()
                .get(sidecar.url("/timeline"))
                .header("accept", accept);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let status = request.send().await?.status();
            assert_eq!(status, expected, "{token:?} {accept}");
        }
    }
    let posted = Client::new()
        .post(sidecar.url("/timeline"))
        .bearer_auth(&sidecar.tokens[0])
        .send()
        .await?;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    Ok(())
}

#[tokio::test]
async fn streams_tell_each_entry_once_in_order_while_things_happen() -> Result<()> {
    let project = Project::empty()?;
    let (sidecar, mut human, claude) = started(&project).await?;
    turn(&mut human, &claude, 0).await?;
    let before = settled(&project, 1).await?;
    // One who wants what comes, one who wants all, one who wants the saves, in the midst of it.
    let mut live = Follower::start(&sidecar, "", None).await?;
    let mut whole = Follower::start(&sidecar, "?cursor=0&limit=3", None).await?;
    let mut middle = None;
    for n in 1..TURNS {
        turn(&mut human, &claude, n).await?;
        if n == TURNS / 2 {
            let saves = "?cursor=0&type=file_save&session=1&limit=1";
            middle = Some(Follower::start(&sidecar, saves, None).await?);
        }
    }
    let last = settled(&project, TURNS).await?;
    live.until(last).await?;
    assert_eq!(live.seen, recorded(&project, &format!("id > {before}"))?);
    whole.until(last).await?;
    assert_eq!(whole.seen, recorded(&project, "true")?);
    let mut middle = middle.context("a follower")?;
    let saves = recorded(&project, "action_type = 'file_save'")?;
    middle.until(*saves.last().context("saves")?).await?;
    assert_eq!(middle.seen, saves);
    claude.close().await
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_where_it_was_also_after_a_kill() -> Result<()> {
    let project = Project::empty()?;
    let (sidecar, mut human, claude) = started(&project).await?;
    let mut seen: Vec<u64> = Vec::new();
    let mut last = 0;
    for n in 0..TURNS {
        turn(&mut human, &claude, n).await?;
        if n % 5 == 0 {
            // The same address each time: what was seen counts more than its cursor.
            let resumed = (last > 0).then_some(last);
            let mut follower = Follower::start(&sidecar, "?cursor=0&limit=2", resumed).await?;
            let saves = recorded(&project, "action_type = 'file_save'")?;
            follower.until(*saves.last().context("saves")?).await?;
            seen.extend(&follower.seen);
            last = *seen.last().context("entries")?;
        }
    }
    drop((human, claude));
    sidecar.kill()?;
    let sidecar = Sidecar::start(&project)?;
    let mut follower = Follower::start(&sidecar, "?cursor=0", Some(last)).await?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let save = json!({"path": "b.txt", "content": "the end\n"});
    human.request("file:save", save).await?;
    let saves = recorded(&project, "action_type = 'file_save'")?;
    let end = *saves.last().context("saves")?;
    follower.until(end).await?;
    seen.extend(&follower.seen);
    assert_eq!(seen, recorded(&project, &format!("id <= {end}"))?);
    Ok(())
}

#[tokio::test]
async fn a_stop_ends_open_streams_at_once() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let mut idle = Follower::start(&sidecar, "", None).await?;
    let mut whole = Follower::start(&sidecar, "?cursor=0", None).await?;
    let begun = Instant::now();
    sidecar.signal(Signal::TERM)?;
    assert_eq!(idle.next().await?, None);
    while whole.next().await?.is_some() {}
    let status = tokio::task::spawn_blocking(move || sidecar.ended()).await??;
    assert!(status.success(), "{status}");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    // They ended by themselves and were not cut.
    let log = Sidecar::log(&project)?;
    assert!(!log.contains("did not end in time"), "{log}");
    Ok(())
}

#[tokio::test]
async fn so_many_streams_and_no_more() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let mut followers = Vec::new();
    for _ in 0..16 {
        followers.push(Follower::start(&sidecar, "", None).await?);
    }
    let stream = [("accept", "text/event-stream")];
    let answer = get(&sidecar, "", &stream).await?;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let error: Value = answer.json().await?;
    assert_eq!(error["code"], "RATE_LIMITED");
    // Pages need no place, and who goes makes one.
    page(&sidecar, "").await?;
    followers.pop();
    let deadline = Instant::now() + PATIENCE;
    while get(&sidecar, "", &stream).await?.status() != StatusCode::OK {
        ensure!(Instant::now() < deadline, "no place was given back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
