//! Kills in the last step of a wrap-up, whose memories are in another file than the job that keeps the
//! model's answer. Each moment is held by a lock on the file that the step writes next.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_tests::sidecar::PATIENCE;
use paige_tests::{Record, Sidecar};
use rusqlite::Connection;
use serde_json::json;

use super::Scene;

/// How the answer of the last step stands in its job.
const KEPT: &str =
    "SELECT status, json_array_length(result, '$.memories') AS kept FROM wrap_up_jobs
     WHERE step = 'reflection'";

/// A connection that keeps everybody else from writing into a file, until it is dropped.
fn locked(path: &Path) -> Result<Connection> {
    let lock = Connection::open(path)?;
    lock.busy_timeout(PATIENCE)?;
    lock.execute_batch("BEGIN IMMEDIATE")?;
    Ok(lock)
}

impl Scene {
    /// Ends the session, and returns when the model's last answer is kept and its memories wait for
    /// the lock that is returned.
    async fn reflected(&mut self) -> Result<Connection> {
        self.plan().await?;
        self.work().await?;
        let lock = locked(&self.project.data.join("memory.db"))?;
        // Nobody waits for the answer, as the hook does not.
        self.window.send("session:end", json!({})).await?;
        let kept = json!({"status": "pending", "kept": 2});
        self.record()?.expect_rows(KEPT, &[kept]).await?;
        assert_eq!(self.memories()?, 0);
        Ok(lock)
    }

    /// Starts again, and looks whether everything was done once.
    async fn finishes(&mut self) -> Result<()> {
        let sidecar = Sidecar::thinking(&self.project, &self.fake, &[])?;
        let completed = "SELECT status FROM sessions WHERE status <> 'ending'";
        let record = Record::of(&self.project)?;
        record
            .expect_rows(completed, &[json!({"status": "completed"})])
            .await?;
        assert_eq!(self.memories()?, 2);
        let jobs = "SELECT step, status, json_extract(result, '$.memories') AS memories
             FROM wrap_up_jobs ORDER BY id";
        let done = |step, memories| json!({"step": step, "status": "done", "memories": memories});
        assert_eq!(
            record.rows(jobs, [])?,
            [
                done("knowledge_gap", 0),
                done("dreyfus", 0),
                done("reflection", 2)
            ]
        );
        assert_eq!(self.count("session_wrap_up_errors")?, 0);
        for (call, stored) in [
            ("knowledge_gap_agent", "knowledge_gaps"),
            ("dreyfus_agent", "stage_decisions"),
            (
                "reflection_agent",
                "api_call_log WHERE call_type = 'reflection_agent'",
            ),
        ] {
            assert_eq!(self.asked(call), 1, "{call}");
            assert_eq!(self.count(stored)?, 1, "{stored}");
        }
        self.sidecar = Some(sidecar);
        Ok(())
    }
}

/// Issue 4: `kill -9` when the answer is kept and its memories are not stored.
#[tokio::test]
async fn a_kill_between_an_answer_and_its_memories_stores_them_once() -> Result<()> {
    let mut scene = Scene::new().await?;
    let lock = scene.reflected().await?;
    scene.sidecar.take().context("it runs")?.kill()?;
    drop(lock);
    assert_eq!(scene.memories()?, 0, "it came to nothing");
    scene.finishes().await
}

/// Issue 4: the same by SIGTERM.
#[tokio::test]
async fn a_stop_between_an_answer_and_its_memories_stores_them_once() -> Result<()> {
    let mut scene = Scene::new().await?;
    let lock = scene.reflected().await?;
    scene.sidecar.take().context("it runs")?.stop()?;
    drop(lock);
    scene.finishes().await
}

/// Issue 4: `kill -9` when the memories are stored and the job does not know.
#[tokio::test]
async fn a_kill_between_memories_and_their_job_stores_them_once() -> Result<()> {
    let mut scene = Scene::new().await?;
    let memories_wait = scene.reflected().await?;
    let job_waits = locked(&scene.project.database())?;
    drop(memories_wait);
    let start = Instant::now();
    while scene.memories()? == 0 {
        ensure!(start.elapsed() < PATIENCE, "the memories are not stored");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scene.sidecar.take().context("it runs")?.kill()?;
    drop(job_waits);
    let kept = json!({"status": "pending", "kept": 2});
    assert_eq!(scene.record()?.row(KEPT, [])?, kept);
    assert_eq!(scene.memories()?, 2);
    scene.finishes().await
}
