//! Whether the vectors are those of the reference.

use anyhow::Result;
use serde::Deserialize;

use crate::scene::{Scene, new};

#[derive(Deserialize)]
struct Golden {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    text: String,
    vector: Vec<f32>,
}

/// `golden.json` says how its vectors were made. What the record has of the same texts is the same but
/// for rounding; one of them is longer than the model reads.
#[tokio::test]
async fn vectors_are_those_of_the_reference_with_the_model() -> Result<()> {
    let golden: Golden = serde_json::from_str(include_str!("golden.json"))?;
    assert!(golden.vectors.len() >= 5);
    let scene = Scene::new()?;
    let memory = scene.open().await?;
    // In one batch, so that the shorter ones are padded.
    let texts = golden.vectors.iter().map(|golden| new(&golden.text));
    memory.add(texts.collect(), 1, "/p").await?;
    memory.close().await;
    let record = rusqlite::Connection::open(scene.folder.path().join("memory.db"))?;
    for golden in &golden.vectors {
        let sql = "SELECT embedding, embedded_by FROM memories WHERE content = ?1";
        let (ours, model): (Vec<u8>, String) =
            record.query_row(sql, [&golden.text], |row| Ok((row.get(0)?, row.get(1)?)))?;
        assert_eq!(model, "all-MiniLM-L6-v2");
        let (ours, _) = ours.as_chunks::<4>();
        assert_eq!((ours.len(), golden.vector.len()), (384, 384));
        let apart = ours.iter().zip(&golden.vector);
        let apart = apart.map(|(ours, theirs)| (f32::from_le_bytes(*ours) - theirs).abs());
        let furthest = apart.fold(0.0, f32::max);
        assert!(furthest < 1e-5, "{}: {furthest}", golden.text);
    }
    Ok(())
}
