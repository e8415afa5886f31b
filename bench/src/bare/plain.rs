//! A server without a guard, a jail, a database or a watcher: a file is read, JSON is written.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    http::StatusCode,
    response::{AppendHeaders, IntoResponse as _, Response},
    routing::{any, post},
    serve::ListenerExt as _,
};
use paige_protocol::tree::{NodeKind, TreeNode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use tokio::{net::TcpListener, sync::broadcast};

#[derive(Clone)]
struct Bare {
    project: Arc<PathBuf>,
    pushes: broadcast::Sender<Utf8Bytes>,
}

pub(super) async fn serve(project: PathBuf) -> Result<()> {
    let state = Bare {
        project: Arc::new(project),
        pushes: broadcast::Sender::new(1024),
    };
    let app = Router::new()
        .route("/ws", any(upgrade))
        .route("/mcp", post(call).delete(async || StatusCode::OK))
        .with_state(state);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    super::announce(listener.local_addr()?.port())?;
    let listener = listener.tap_io(|stream| {
        // Without it an answer in two writes waits for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}

/// As little of MCP as the client needs: a tool call is answered by a fixed result; one named `push`
/// is told to every WebSocket first, and one named `long` is answered by as many bytes as it asks for.
async fn call(State(bare): State<Bare>, Json(message): Json<Value>) -> Response {
    let Some(id) = message.get("id") else {
        return StatusCode::ACCEPTED.into_response();
    };
    if message["params"]["name"] == "push" {
        match write("coaching:message", &message["params"]["arguments"], 0) {
            // Nobody may be listening.
            Ok(push) => _ = bare.pushes.send(push.into()),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
    let text = match message["params"]["arguments"]["bytes"].as_u64() {
        Some(bytes) => "let a = b;\n".repeat(usize::try_from(bytes).unwrap_or_default() / 12),
        None => "{\"paths\":[],\"files\":[]}".to_owned(),
    };
    let result = json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": {"paths": [], "files": []}, "isError": false
    });
    let answer = Json(json!({"jsonrpc": "2.0", "id": id, "result": result}));
    (AppendHeaders([("mcp-session-id", "1")]), answer).into_response()
}

async fn upgrade(State(bare): State<Bare>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        // A client that goes away ends its task.
        let _ = talk(bare, socket).await;
    })
}

async fn talk(bare: Bare, mut socket: WebSocket) -> Result<()> {
    let mut pushes = bare.pushes.subscribe();
    let mut buffers = HashMap::new();
    loop {
        let answer = tokio::select! {
            message = socket.recv() => match message.transpose()? {
                Some(Message::Text(text)) => answer(&bare.project, &mut buffers, &text)?,
                Some(_) => None,
                None => return Ok(()),
            },
            push = pushes.recv() => Some(push?),
        };
        if let Some(text) = answer {
            socket.send(Message::Text(text)).await?;
        }
    }
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default)]
    id: u64,
}

#[derive(Serialize)]
struct Answered<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    payload: T,
    id: u64,
    timestamp: &'a str,
}

#[derive(Deserialize)]
struct FilePath<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
}

#[derive(Serialize)]
struct Content<'a> {
    path: &'a str,
    content: &'a str,
}

#[derive(Deserialize)]
struct Update {
    path: String,
    content: String,
}

#[derive(Serialize)]
struct Tree {
    root: TreeNode,
}

fn answer(
    project: &Path,
    buffers: &mut HashMap<String, String>,
    text: &str,
) -> Result<Option<Utf8Bytes>> {
    let asked: Asked<'_> = serde_json::from_str(text)?;
    let payload = asked.payload.get();
    let id = asked.id;
    let text = match &*asked.kind {
        "connection:hello" => write("connection:init", json!({}), id)?,
        "file:open" => {
            let FilePath { path } = serde_json::from_str(payload)?;
            let content = fs::read_to_string(project.join(&*path))?;
            let (path, content) = (&*path, &*content);
            write("fs:content", Content { path, content }, id)?
        }
        "buffer:update" => {
            let Update { path, content } = serde_json::from_str(payload)?;
            buffers.insert(path, content);
            return Ok(None);
        }
        "fs:request_tree" => {
            let root = scan(project, "", ".".to_owned())?;
            write("fs:tree", Tree { root }, id)?
        }
        _ => return Ok(None),
    };
    Ok(Some(text.into()))
}

fn write(kind: &str, payload: impl Serialize, id: u64) -> Result<String> {
    Ok(serde_json::to_string(&Answered {
        kind,
        payload,
        id,
        timestamp: "2026-01-02T03:04:05.678Z",
    })?)
}

/// One folder after the other, folders first, sorted, as it is sent.
fn scan(folder: &Path, name: &str, path: String) -> Result<TreeNode> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push((!entry.file_type()?.is_dir(), name));
    }
    entries.sort_unstable();
    let mut children = Vec::with_capacity(entries.len());
    for (is_file, name) in entries {
        let below = if path == "." {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        children.push(if is_file {
            TreeNode {
                name,
                path: below,
                kind: NodeKind::File,
                children: None,
            }
        } else {
            scan(&folder.join(&name), &name, below)?
        });
    }
    Ok(TreeNode {
        name: name.to_owned(),
        path,
        kind: NodeKind::Directory,
        children: Some(children),
    })
}
