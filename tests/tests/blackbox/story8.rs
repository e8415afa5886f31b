//! Story 8 through the binary: what is remembered in a wrap-up, and recalled for a plan or on the command
//! line, with a real Chroma server that comes and goes, and without one. The memory alone is tested in
//! `tests/memory`.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use paige_tests::anthropic::{self, Fake};
use paige_tests::chroma::{PATIENCE, free_port, model_dir};
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::sidecar::binary;
use paige_tests::{Chroma, Claude, Project, Sidecar};
use serde_json::{Value, json};

const PROMISES: &str = "Forgot to await an asynchronous call and used the promise itself.";
const LOCKS: &str = "Two threads wrote to the same variable; a mutex helped.";
const STYLES: &str = "Learned how flexbox places elements in a row.";
const CALLBACKS: &str = "Turned nested callbacks of JavaScript into promises that are awaited.";
const INDEXES: &str = "An index made the slow database query fast.";
const COLOURS: &str = "Chose a friendlier colour for the buttons.";

/// An issue that sounds like [`PROMISES`] and [`CALLBACKS`], and like the others far less.
const ISSUE: &str = "Asynchronous JavaScript: the result is a promise instead of a value";

/// The fake, and how every process of a test finds memories.
struct Scene {
    fake: Fake,
    chroma: Option<String>,
    model: String,
}

/// A sidecar on a project, with Claude at its door.
struct Desk<'a> {
    scene: &'a Scene,
    project: &'a Project,
    sidecar: Sidecar,
    claude: Claude,
}

impl Scene {
    /// By meaning.
    async fn new(chroma: Option<String>) -> Result<Self> {
        let model = model_dir()?.to_string_lossy().into_owned();
        Ok(Self {
            fake: Fake::start(&anthropic::demo_script()?).await?,
            chroma,
            model,
        })
    }

    /// By words, without a model and without a server.
    async fn by_words() -> Result<Self> {
        Ok(Self {
            fake: Fake::start(&anthropic::demo_script()?).await?,
            chroma: None,
            model: "none".to_owned(),
        })
    }

    async fn serve<'a>(&'a self, project: &'a Project) -> Result<Desk<'a>> {
        let mut args = vec!["--embedding-model", &self.model];
        if let Some(url) = &self.chroma {
            args.extend(["--chromadb-url", url]);
        }
        let sidecar = Sidecar::thinking(project, &self.fake, &args)?;
        let claude = Claude::connect(&sidecar, Era::Sessions).await?;
        Ok(Desk {
            scene: self,
            project,
            sidecar,
            claude,
        })
    }

    /// What `paige-sidecar memory` prints as JSON.
    fn memory(&self, project: &Project, args: &[&str]) -> Result<Value> {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("DATA_DIR", &project.data)
            .env("PAIGE_EMBEDDING_MODEL", &self.model)
            .args(["memory"])
            .args(args);
        if let Some(url) = &self.chroma {
            command.env("CHROMADB_URL", url);
        }
        let output = command.output()?;
        ensure!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// `memory search`, once the model was loaded in time and nothing else is amiss.
    fn search(&self, project: &Project, args: &[&str]) -> Result<Vec<Value>> {
        let start = Instant::now();
        let args = [&["search", "--json"], args].concat();
        loop {
            let recall = self.memory(project, &args)?;
            if recall["by"] == "embedding" && recall["note"].is_null() {
                return Ok(recall["memories"].as_array().context("a list")?.clone());
            }
            ensure!(start.elapsed() < PATIENCE, "{args:?}: {recall}");
        }
    }

    /// What the filter was shown last.
    fn candidates(&self) -> Result<Vec<Value>> {
        self.shown("memory_retrieval_filter", "candidate_memories")
    }

    /// A list among the inputs of the last call of a kind.
    fn shown(&self, call: &str, field: &str) -> Result<Vec<Value>> {
        let requests = self.fake.requests();
        let asked = requests
            .iter()
            .rfind(|seen| seen.request.call == call && !seen.request.counts())
            .with_context(|| format!("{call} was not asked"))?;
        let text = asked.request.user_text();
        let after = text.split_once(&format!("<{field}>"));
        let (list, _) = after
            .and_then(|(_, after)| after.split_once(&format!("</{field}>")))
            .with_context(|| format!("{field} in {text}"))?;
        Ok(serde_json::from_str(list)?)
    }
}

impl Desk<'_> {
    async fn start_session(&self) -> Result<()> {
        let start = json!({"project_dir": self.project.root, "force": true});
        self.claude.call("paige_start_session", start).await?;
        Ok(())
    }

    /// A session whose wrap-up remembers this; what ended it is returned.
    async fn remember(&self, contents: &[&str]) -> Result<Value> {
        let memory = |content: &&str| {
            json!({
                "content": content, "tags": ["async", "java,script"], "importance": "high",
                "type": "reflection",
            })
        };
        let memories: Vec<Value> = contents.iter().map(memory).collect();
        self.scene.fake.first(&format!(
            "[[entry]]\ncall = \"reflection_agent\"\ntimes = 1\nanswer = '''{}'''",
            json!({"memories": memories})
        ))?;
        self.start_session().await?;
        let transcript = json!({"session_transcript": "user: I got it."});
        let ended = self.claude.call("paige_end_session", transcript).await?;
        ensure!(ended["status"] == "completed", "{ended}");
        Ok(ended)
    }

    /// Makes a plan, for which memories are recalled, and returns its notes.
    async fn plan(&self, issue: &str) -> Result<Value> {
        let plan = json!({"plan_text": "Wait for it.", "issue_summary": issue});
        let made = self
            .claude
            .call("paige_run_coaching_pipeline", plan)
            .await?;
        Ok(made["notes"].clone())
    }

    /// Makes plans until the notes on one are as they should be: the model is loaded at the first.
    async fn plan_until(&self, fits: impl Fn(&str) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let notes = self.plan(ISSUE).await?;
            let text: Vec<&str> = notes
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if fits(&text.join(" ")) {
                return Ok(());
            }
            ensure!(start.elapsed() < PATIENCE, "{notes}");
        }
    }
}

/// Two projects with one data directory.
fn projects() -> Result<(Project, Project)> {
    let files = [
        ("basket.py", "class Basket:\n    pass\n"),
        ("discounts.py", "percent = 10\n"),
        ("test_basket.py", "import basket\n"),
    ];
    let shop = Project::with(&files)?;
    let mut blog = Project::with(&files)?;
    blog.data.clone_from(&shop.data);
    Ok((shop, blog))
}

/// Waits until the server has just these texts.
async fn until_indexed(server: &Chroma, expected: &[&str]) -> Result<()> {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    let start = Instant::now();
    loop {
        // There is no collection yet before the first connection.
        let found = server.documents().await.unwrap_or_default();
        if found == expected {
            return Ok(());
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "Chroma has {found:#?} instead of {expected:#?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn contents(memories: &[Value]) -> Vec<&str> {
    let texts = memories.iter().map(|memory| memory["content"].as_str());
    texts.map(Option::unwrap_or_default).collect()
}

/// How many memories the record holds, and how many of them it knows to be in the index.
fn in_record(project: &Project) -> Result<(i64, i64)> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let record = rusqlite::Connection::open_with_flags(project.data.join("memory.db"), flags)?;
    let sql = "SELECT count(*), ifnull(sum(indexed), 0) FROM memories";
    Ok(record.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// spec: 8.1
/// spec: 8.5
#[tokio::test]
async fn a_server_at_the_start_has_what_is_remembered_over_chroma_with_the_model() -> Result<()> {
    let server = Chroma::start().await?;
    let scene = Scene::new(Some(server.url())).await?;
    let (shop, _) = projects()?;
    let desk = scene.serve(&shop).await?;
    Sidecar::logged(&shop, &["INFO", &server.url(), "is connected"]).await?;
    desk.start_session().await?;
    desk.plan_until(str::is_empty).await?;

    let ended = desk.remember(&[PROMISES, LOCKS]).await?;
    assert_eq!(ended["memoriesAdded"], 2);
    until_indexed(&server, &[PROMISES, LOCKS]).await?;
    let has = server.contents().await?;
    let listed = scene.memory(&shop, &["list", "--json"])?;
    for metadata in has["metadatas"].as_array().context("metadata")? {
        for (key, expected) in [
            ("session_id", "2"),
            ("project_dir", &shop.root.to_string_lossy()),
            ("type", "reflection"),
            ("importance", "high"),
            ("tags", "async,javascript"),
        ] {
            assert_eq!(metadata[key], expected, "{key}");
        }
        assert_eq!(metadata["created_at"], listed[0]["created_at"]);
        assert!(is_time(metadata["created_at"].as_str().unwrap_or_default()));
    }
    let mut ids = [&listed[0]["id"], &listed[1]["id"]].map(Value::as_str);
    let mut there = [&has["ids"][0], &has["ids"][1]].map(Value::as_str);
    ids.sort_unstable();
    there.sort_unstable();
    assert_eq!(ids, there);

    // It answers what is asked: nothing is said to be amiss.
    desk.start_session().await?;
    assert_eq!(desk.plan(ISSUE).await?, json!([]));
    assert_eq!(contents(&scene.candidates()?), [PROMISES, LOCKS]);
    scene.fake.expect_all_valid()
}

/// spec: 8.2
/// spec: 8.3
/// spec: 8.4
#[tokio::test]
async fn what_is_like_it_is_found_nearest_first_over_chroma_with_the_model() -> Result<()> {
    let server = Chroma::start().await?;
    finds_what_is_like_it(Some(&server)).await
}

/// spec: 8.2
/// spec: 8.3
/// spec: 8.4
#[tokio::test]
async fn without_a_server_what_is_like_it_is_found_nearest_first_with_the_model() -> Result<()> {
    finds_what_is_like_it(None).await
}

async fn finds_what_is_like_it(server: Option<&Chroma>) -> Result<()> {
    let scene = Scene::new(server.map(Chroma::url)).await?;
    let (shop, blog) = projects()?;
    let desk = scene.serve(&blog).await?;
    desk.remember(&[COLOURS, INDEXES, CALLBACKS]).await?;
    desk.sidecar.stop()?;
    let desk = scene.serve(&shop).await?;
    desk.remember(&[STYLES, LOCKS, PROMISES]).await?;
    desk.start_session().await?;
    desk.plan_until(str::is_empty).await?;
    if let Some(server) = server {
        until_indexed(
            server,
            &[COLOURS, INDEXES, CALLBACKS, STYLES, LOCKS, PROMISES],
        )
        .await?;
    }

    // Whatever project they are of, the nearest come first.
    let found = scene.search(&shop, &[ISSUE, "--limit", "10"])?;
    assert_eq!(found.len(), 6);
    let mut nearest = contents(&found[..2]);
    nearest.sort_unstable();
    assert_eq!(nearest, [PROMISES, CALLBACKS]);
    let distances: Vec<f64> = found
        .iter()
        .filter_map(|memory| memory["distance"].as_f64())
        .collect();
    assert!(
        distances.len() == 6 && distances.is_sorted(),
        "{distances:?}"
    );
    assert!(distances[1] < distances[2] - 0.1, "{distances:?}");
    assert!(found.iter().all(|memory| memory["otherProject"] == false));
    // By meaning, not by words.
    for (question, expected) in [
        ("concurrency and race conditions", LOCKS),
        ("SQL performance", INDEXES),
        ("CSS layout", STYLES),
    ] {
        let found = scene.search(&shop, &[question, "--limit", "1"])?;
        assert_eq!(contents(&found), [expected], "{question}");
    }
    // Of one project only its own, nearest first, though another's are nearer.
    for (project, own) in [
        (&shop, [PROMISES, LOCKS, STYLES]),
        (&blog, [CALLBACKS, INDEXES, COLOURS]),
    ] {
        let folder = project.root.to_string_lossy();
        let found = scene.search(&shop, &[ISSUE, "--project", &folder, "--only"])?;
        let of_one = contents(&found);
        assert_eq!((of_one.len(), of_one[0]), (3, own[0]));
        assert!(
            of_one.iter().all(|content| own.contains(content)),
            "{of_one:?}"
        );
        let distances: Vec<f64> = found
            .iter()
            .filter_map(|memory| memory["distance"].as_f64())
            .collect();
        assert!(distances.is_sorted(), "{distances:?}");
        let projects = found
            .iter()
            .map(|memory| &memory["metadata"]["project_dir"]);
        assert!(projects.into_iter().all(|told| *told == *folder));
    }
    // A plan is made with five: its own project's, and the nearest of others.
    desk.plan_until(str::is_empty).await?;
    let folder = shop.root.to_string_lossy();
    let found = scene.search(&shop, &[ISSUE, "--project", &folder])?;
    assert_eq!(contents(&scene.candidates()?), contents(&found));
    assert_eq!(
        (contents(&found)[0], contents(&found)[3]),
        (PROMISES, CALLBACKS)
    );
    let others: Vec<&Value> = found.iter().map(|memory| &memory["otherProject"]).collect();
    assert_eq!(json!(others), json!([false, false, false, true, true]));
    scene.fake.expect_all_valid()
}

/// spec: 8.6
/// spec: 8.7
/// spec: 8.8
#[tokio::test]
async fn a_server_may_be_away_come_and_go_over_chroma_with_the_model() -> Result<()> {
    let port = free_port()?;
    let scene = Scene::new(Some(format!("http://127.0.0.1:{port}"))).await?;
    let (shop, _) = projects()?;
    let away =
        |notes: &str| notes.contains("cannot be reached. The record itself was searched instead.");
    let connections =
        || -> Result<usize> { Ok(Sidecar::log(&shop)?.matches("is connected").count()) };

    // It is away at the start: there is a warning, and coaching goes on.
    let desk = scene.serve(&shop).await?;
    Sidecar::logged(&shop, &["WARN", &format!(":{port}"), "cannot be reached"]).await?;
    desk.start_session().await?;
    desk.plan_until(away).await?;
    let ended = desk.remember(&[PROMISES]).await?;
    assert_eq!(ended["memoriesAdded"], 1);
    assert_eq!(in_record(&shop)?, (1, 0));
    desk.start_session().await?;
    desk.plan_until(away).await?;
    assert_eq!(contents(&scene.candidates()?), [PROMISES]);
    assert_eq!(connections()?, 0);

    // It comes, and the next operation uses it: what it missed is there too.
    let mut server = Chroma::at(port).await?;
    desk.plan_until(str::is_empty).await?;
    assert_eq!(connections()?, 1);
    until_indexed(&server, &[PROMISES]).await?;
    desk.remember(&[LOCKS]).await?;
    until_indexed(&server, &[PROMISES, LOCKS]).await?;

    // It is killed: what is added is kept and not indexed, and what is asked is answered by the record.
    server.kill()?;
    let ended = desk.remember(&[STYLES, INDEXES]).await?;
    assert_eq!(
        (&ended["memoriesAdded"], &ended["errors"]),
        (&json!(2), &json!([]))
    );
    assert_eq!(in_record(&shop)?, (4, 2));
    desk.start_session().await?;
    desk.plan_until(away).await?;
    let candidates = scene.candidates()?;
    assert_eq!((candidates.len(), contents(&candidates)[0]), (4, PROMISES));

    // So is the sidecar, and it starts without the server again.
    desk.sidecar.kill()?;
    let desk = scene.serve(&shop).await?;
    desk.remember(&[CALLBACKS]).await?;
    assert_eq!(in_record(&shop)?, (5, 2));
    desk.start_session().await?;
    desk.plan_until(away).await?;

    // It comes back with what it had, and has everything once after the next operation.
    let before = connections()?;
    server.restart().await?;
    desk.plan_until(str::is_empty).await?;
    assert_eq!(connections()?, before + 1);
    until_indexed(&server, &[PROMISES, LOCKS, STYLES, INDEXES, CALLBACKS]).await?;
    assert_eq!(in_record(&shop)?, (5, 5));
    desk.remember(&[COLOURS]).await?;
    until_indexed(
        &server,
        &[PROMISES, LOCKS, STYLES, INDEXES, CALLBACKS, COLOURS],
    )
    .await?;
    scene.fake.expect_all_valid()
}

/// spec: 9.1
///
/// As amended: memories of this project come first, others fill up to five and are marked.
#[tokio::test]
async fn the_coach_is_told_of_this_project_first() -> Result<()> {
    let scene = Scene::by_words().await?;
    let (shop, blog) = projects()?;
    let desk = scene.serve(&blog).await?;
    let elsewhere = [
        "Discounts, discounts, discounts.",
        "A blog has no discounts, and so it has no fault in them either.",
        "The reader wanted to know at once what discounts are, long before the end of the page came.",
    ];
    desk.remember(&elsewhere).await?;
    desk.sidecar.stop()?;
    let desk = scene.serve(&shop).await?;
    let own = [
        "Of all that was learned that day, the discounts were what was hardest to explain to others.",
        "Counted before asking for discounts.",
        "Prints what the discounts see.",
    ];
    desk.remember(&own).await?;

    // The filter chooses all, in the order in which it was shown them.
    let chosen = [own[2], own[1], own[0], elsewhere[0], elsewhere[1]];
    let relevant = chosen.map(|content| {
        json!({
            "content": content, "relevance": "related", "connection": "Both are about discounts.",
            "use_in_coaching": "Ask what was seen then.",
        })
    });
    let answer = json!({"relevant_memories": relevant, "discarded": []});
    scene.fake.first(&format!(
        "[[entry]]\ncall = \"memory_retrieval_filter\"\nanswer = '''{answer}'''"
    ))?;
    desk.start_session().await?;
    desk.plan("Discounts").await?;
    let candidates = scene.candidates()?;
    assert_eq!(candidates.len(), 5, "{candidates:#?}");
    let mut first = contents(&candidates[..3]);
    first.sort_unstable();
    let mut expected = own;
    expected.sort_unstable();
    assert_eq!(first, expected, "this project's come first");
    assert_eq!(
        candidates[3]["content"], elsewhere[0],
        "then the nearest of others"
    );
    for (at, candidate) in candidates.iter().enumerate() {
        let metadata = &candidate["metadata"];
        let marked = if at < 3 {
            Value::Null
        } else {
            json!(blog.root)
        };
        assert_eq!(metadata["project_dir"], marked, "{candidate}");
        assert_eq!(metadata["session_id"], if at < 3 { 2 } else { 1 });
        assert_eq!(metadata["tags"], json!(["async", "javascript"]));
        assert!(is_time(metadata["created_at"].as_str().unwrap_or_default()));
    }
    let told = scene.shown("coach_agent", "relevant_memories")?;
    assert_eq!(
        json!(told),
        json!(relevant),
        "the coach is told what was chosen, in its order"
    );
    scene.fake.expect_all_valid()
}
