//! [`Client`]: the few calls of Chroma's HTTP API v2 that we need. Every call has a time-out.
//!
//! It is our own since the crate `chromadb` cannot be had without an old TLS stack that has open
//! advisories (RUSTSEC-2026-0098, -0099 and -0104, in rustls-webpki 0.101).

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::join_tags;
use crate::record::Embedded;

/// The one collection (paige.md §8).
const COLLECTION: &str = "paige_memories";
/// Where the collections are on a local server.
const DATABASE: &str = "/api/v2/tenants/default_tenant/databases/default_database";

/// A Chroma server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    patience: Duration,
}

/// Whose and which memories are meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    All,
    Project(&'a str),
    OtherThan(&'a str),
}

#[derive(Deserialize)]
struct Collection {
    id: String,
}

#[derive(Deserialize)]
struct Got {
    ids: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    ids: Vec<Vec<String>>,
}

/// As a memory stands in the collection.
#[derive(Serialize)]
struct Metadata<'a> {
    session_id: String,
    project_dir: &'a str,
    created_at: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    importance: &'a str,
    tags: String,
    /// Which record it belongs to: several may fill the collection of one server.
    record: &'a str,
}

impl Client {
    /// A client for the server at `url`; no call takes longer than `patience`.
    pub(crate) fn new(url: &str, patience: Duration) -> Result<Self, reqwest::Error> {
        // A server named by a person is reached as named, not through a proxy for the web.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            http,
            base: url.trim_end_matches('/').to_owned(),
            patience,
        })
    }

    /// The address, for people.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    /// Whether the server lives.
    pub(crate) async fn heartbeat(&self) -> Result<(), String> {
        self.call(Method::GET, "/api/v2/heartbeat", None)
            .await
            .map(drop)
    }

    /// The id of the collection, which is made if there is none.
    pub(crate) async fn collection(&self) -> Result<String, String> {
        let body = json!({
            "name": COLLECTION,
            "get_or_create": true,
            "configuration": {"hnsw": {"space": "cosine"}},
        });
        let path = format!("{DATABASE}/collections");
        let answer = self.call(Method::POST, &path, Some(body)).await?;
        Ok(read::<Collection>(answer)?.id)
    }

    /// Puts memories into the collection, or their new state.
    pub(crate) async fn upsert(
        &self,
        collection: &str,
        record: &str,
        memories: &[Embedded],
    ) -> Result<(), String> {
        let entries = || memories.iter().map(|memory| &memory.entry);
        let metadatas = entries().map(|entry| Metadata {
            session_id: entry.metadata.session_id.to_string(),
            project_dir: &entry.metadata.project_dir,
            created_at: &entry.metadata.created_at,
            kind: &entry.metadata.kind,
            importance: entry.metadata.importance.word(),
            tags: join_tags(&entry.metadata.tags),
            record,
        });
        let body = json!({
            "ids": entries().map(|entry| &entry.id).collect::<Vec<_>>(),
            "documents": entries().map(|entry| &entry.content).collect::<Vec<_>>(),
            "embeddings": memories.iter().map(|memory| &memory.vector).collect::<Vec<_>>(),
            "metadatas": metadatas.collect::<Vec<_>>(),
        });
        self.of(collection, "upsert", body).await.map(drop)
    }

    /// The ids of the nearest memories of this record, at most `limit`.
    pub(crate) async fn query(
        &self,
        collection: &str,
        record: &str,
        scope: Scope<'_>,
        vector: &[f32],
        limit: usize,
    ) -> Result<Vec<String>, String> {
        let own = json!({"record": record});
        let condition = match scope {
            Scope::All => own,
            Scope::Project(project) => json!({"$and": [own, {"project_dir": project}]}),
            Scope::OtherThan(project) => {
                json!({"$and": [own, {"project_dir": {"$ne": project}}]})
            }
        };
        let body = json!({
            "query_embeddings": [vector],
            "n_results": limit,
            "where": condition,
            "include": [],
        });
        let answer = self.of(collection, "query", body).await?;
        Ok(read::<Found>(answer)?.ids.into_iter().flatten().collect())
    }

    /// The ids of everything of this record.
    pub(crate) async fn ids(&self, collection: &str, record: &str) -> Result<Vec<String>, String> {
        let body = json!({"where": {"record": record}, "include": []});
        let answer = self.of(collection, "get", body).await?;
        Ok(read::<Got>(answer)?.ids)
    }

    /// Takes memories out of the collection.
    pub(crate) async fn delete(&self, collection: &str, ids: &[String]) -> Result<(), String> {
        self.of(collection, "delete", json!({"ids": ids}))
            .await
            .map(drop)
    }

    async fn of(&self, collection: &str, verb: &str, body: Value) -> Result<Value, String> {
        let path = format!("{DATABASE}/collections/{collection}/{verb}");
        self.call(Method::POST, &path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method, url).timeout(self.patience);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = async {
            let response = request.send().await?;
            Ok((response.status(), response.text().await?))
        };
        let (status, text) = answer.await.map_err(|error| self.silent(&error))?;
        if status != StatusCode::OK && status != StatusCode::CREATED {
            let text: String = text.chars().take(200).collect();
            return Err(format!(
                "The Chroma server at {} refused a request ({status}: {text}).",
                self.base
            ));
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    fn silent(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!(
                "The Chroma server at {} does not answer in time.",
                self.base
            );
        }
        format!("The Chroma server at {} cannot be reached.", self.base)
    }
}

fn read<T>(answer: Value) -> Result<T, String>
where
    T: for<'de> Deserialize<'de>,
{
    serde_json::from_value(answer)
        .map_err(|error| format!("The Chroma server gave an answer of an unknown form ({error})."))
}
