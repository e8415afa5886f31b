//! Whether meaning is found where no word is shared: the reason for having a model at all.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use paige_memory::{Config, Importance, Memory, NewMemory, Query, RecallBy};
use rusqlite::Connection;
use serde::Deserialize;

use crate::scene::Scene;

/// Words that carry no content.
const STOP_WORDS: &str = "a about after again all an and any are as at be because been before being \
    both but by can cannot could did do does doing down each few for from had has have having he her \
    here him his how i if in into is it its just let made me more most my no nor not of off on once \
    one only or other our out over own put rather s same she should so some such t than that the \
    their them then there these they this those through to too two under until up us used using very \
    was we went were what when where which while who whom why will with would you your";

#[derive(Deserialize)]
struct Set {
    pairs: Vec<Pair>,
    distractors: Vec<String>,
}

#[derive(Deserialize)]
struct Pair {
    query: String,
    memory: String,
}

/// Stems as the record's own index of words has them.
struct Stems(Connection);

impl Stems {
    fn new() -> Result<Self> {
        let conn = Connection::open_in_memory()?;
        conn.execute_batch(
            "CREATE VIRTUAL TABLE texts USING fts5 (text, tokenize = 'porter unicode61');
             CREATE VIRTUAL TABLE stems USING fts5vocab (texts, row);",
        )?;
        Ok(Self(conn))
    }

    /// The content words of a text, stemmed.
    fn of(&self, text: &str) -> Result<BTreeSet<String>> {
        let words = text.to_lowercase();
        let words = words.split(|c: char| !c.is_alphanumeric());
        let stop: BTreeSet<&str> = STOP_WORDS.split_whitespace().collect();
        let content: Vec<&str> = words.filter(|word| !stop.contains(word)).collect();
        self.0.execute("DELETE FROM texts", [])?;
        self.0
            .execute("INSERT INTO texts VALUES (?1)", [content.join(" ")])?;
        let mut statement = self.0.prepare("SELECT term FROM stems")?;
        let stems = statement.query_map([], |row| row.get(0))?;
        Ok(stems.collect::<Result<_, _>>()?)
    }
}

fn set() -> Result<Set> {
    serde_json::from_str(include_str!("recall.json")).context("recall.json")
}

#[test]
fn the_set_is_as_hard_as_it_claims() -> Result<()> {
    let set = set()?;
    let stems = Stems::new()?;
    assert!(set.pairs.len() >= 40 && set.distractors.len() >= 300);
    let mut asked = BTreeSet::new();
    for pair in &set.pairs {
        let query = stems.of(&pair.query)?;
        let memory = stems.of(&pair.memory)?;
        let shared: Vec<_> = query.intersection(&memory).collect();
        assert!(
            shared.is_empty(),
            "{shared:?} in {} | {}",
            pair.query,
            pair.memory
        );
        assert!(query.len() >= 2 && memory.len() >= 3, "{}", pair.query);
        asked.extend(query);
    }
    let mut sharing = 0;
    for distractor in &set.distractors {
        sharing += usize::from(!stems.of(distractor)?.is_disjoint(&asked));
    }
    assert!(
        sharing >= 50,
        "{sharing} distractors share a word with the queries"
    );
    let texts = set
        .pairs
        .iter()
        .map(|pair| &pair.memory)
        .chain(&set.distractors);
    let distinct: BTreeSet<_> = texts.collect();
    assert_eq!(distinct.len(), set.pairs.len() + set.distractors.len());
    Ok(())
}

async fn filled(scene: &Scene, set: &Set) -> Result<Memory> {
    let memory = scene.open().await?;
    let texts = set
        .pairs
        .iter()
        .map(|pair| &pair.memory)
        .chain(&set.distractors);
    let all = texts.map(|text| NewMemory {
        key: None,
        content: text.clone(),
        kind: "reflection".to_owned(),
        tags: vec![],
        importance: Importance::Medium,
    });
    memory.add(all.collect(), 1, "/p").await?;
    Ok(memory)
}

/// The share of the queries that find their memory among the first three, and those that do not.
async fn hit_rate(memory: &Memory, set: &Set, by: RecallBy) -> Result<(f64, Vec<String>)> {
    let mut missed = Vec::new();
    for pair in &set.pairs {
        let query = Query {
            limit: 3,
            ..Query::new(&*pair.query)
        };
        let recall = memory.query(query).await?;
        assert_eq!(recall.by, by);
        let mut found = recall.memories.iter();
        if !found.any(|found| found.content == pair.memory) {
            missed.push(pair.query.clone());
        }
    }
    let hits = u32::try_from(set.pairs.len() - missed.len())?;
    let rate = f64::from(hits) / f64::from(u32::try_from(set.pairs.len())?);
    Ok((rate, missed))
}

/// spec: 8.2
#[tokio::test]
async fn memories_are_found_by_meaning_with_the_model() -> Result<()> {
    let set = set()?;
    let memory = filled(&Scene::new()?, &set).await?;
    let (rate, missed) = hit_rate(&memory, &set, RecallBy::Embedding).await?;
    assert!(rate >= 0.8, "{rate:.2}, missed: {missed:#?}");
    Ok(())
}

/// Otherwise the set would be too easy.
#[tokio::test]
async fn words_alone_do_not_find_them() -> Result<()> {
    let set = set()?;
    let scene = Scene {
        folder: tempfile::tempdir()?,
        config: Config {
            download: false,
            ..Config::default()
        },
    };
    let memory = filled(&scene, &set).await?;
    let (rate, _) = hit_rate(&memory, &set, RecallBy::FullText).await?;
    assert!(rate < 0.5, "{rate:.2}");
    Ok(())
}
