//! MCP sessions: what becomes of them, and of connections that drop.

use std::{sync::mpsc, time::Duration};

use paige_mcp::Config;
use paige_store::{StoreError, coach::mcp_sessions};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    scene::{Era, Scene},
    wire::{Wire, call, events, first_event},
};

const LATEST: &str = "2025-11-25";

/// Waits for something that takes a moment.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} never came");
}

fn is_stored(scene: &Scene, wire: &Wire) -> bool {
    let row = scene
        .store
        .read(|reader| mcp_sessions::load(reader, wire.session()));
    row.expect("read").is_some()
}

/// Keeps the writer of the store busy until the returned sender is dropped.
fn hold_the_writer(scene: &Scene) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let store = scene.store.clone();
    tokio::spawn(async move {
        let held: Result<(), StoreError> = store
            .commit(move |_| {
                let _ = released.recv();
                Ok(())
            })
            .await;
        held.expect("held");
    });
    release
}

async fn start_session(scene: &Scene, wire: &Wire) {
    let args = json!({"project_dir": scene.project_dir()});
    let told = events(wire.call("paige_start_session", args).await).await;
    assert_eq!(
        told.last().expect("an answer").json()["result"]["isError"],
        false
    );
}

/// Waits until a session of the store has a row: it is written behind.
async fn stored(scene: &Scene, wire: &Wire) {
    eventually("the row", || is_stored(scene, wire)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_has_a_session_of_its_own() {
    let scene = Scene::new().await;
    let first = scene.wire().initialize(LATEST).await;
    let second = scene.wire().initialize(LATEST).await;
    assert_ne!(first.session(), second.session());
    for wire in [&first, &second] {
        uuid::Uuid::parse_str(wire.session()).expect("a UUID");
    }
    // What coaching knows does not hang on either.
    start_session(&scene, &first).await;
    let told = events(second.call("paige_get_active_session", json!({})).await).await;
    let told = told.last().expect("an answer").json();
    assert!(
        told["result"]["structuredContent"]["session"].is_object(),
        "{told}"
    );
}

/// Targets: the original answered 400.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_session_is_404_and_a_missing_one_400() {
    let scene = Scene::new().await;
    let body = call("paige_get_open_files", json!({}));
    let wire = scene.wire().with("mcp-protocol-version", LATEST);
    for id in ["00000000-0000-4000-8000-000000000000", "nonsense"] {
        let wire = wire.clone().with("mcp-session-id", id);
        assert_eq!(wire.post(&body).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(wire.get().await.status(), StatusCode::NOT_FOUND);
        assert_eq!(wire.delete().await, StatusCode::NOT_FOUND);
    }
    assert_eq!(wire.post(&body).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(wire.get().await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(wire.delete().await, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_session_is_gone_for_good() {
    let scene = Scene::new().await;
    let wire = scene.wire().initialize(LATEST).await;
    let other = scene.wire().initialize(LATEST).await;
    stored(&scene, &wire).await;
    stored(&scene, &other).await;
    assert_eq!(wire.delete().await, StatusCode::ACCEPTED);
    assert!(!is_stored(&scene, &wire) && is_stored(&scene, &other));
    assert!(!wire.works().await && other.works().await);
    assert_eq!(wire.get().await.status(), StatusCode::NOT_FOUND);
    assert_eq!(wire.delete().await, StatusCode::NOT_FOUND);

    let scene = scene.restart().await;
    assert!(!wire.at(scene.address).works().await);
    // One that is on disk only can be deleted as well.
    let other = other.at(scene.address);
    assert_eq!(other.delete().await, StatusCode::ACCEPTED);
    assert!(!is_stored(&scene, &other) && !other.works().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_a_restart() {
    let scene = Scene::new().await;
    let wire = scene.wire().initialize(LATEST).await;
    let old = scene.wire().initialize("2025-03-26").await;
    start_session(&scene, &wire).await;
    stored(&scene, &old).await;

    let scene = scene.restart().await;
    assert_eq!(scene.door.live_sessions(), 0);
    let (wire, old) = (wire.at(scene.address), old.at(scene.address));
    // Requests that come at the same time restore it once.
    let asks = (0..20).map(|_| {
        let wire = wire.clone();
        tokio::spawn(async move { wire.works().await })
    });
    for ask in asks.collect::<Vec<_>>() {
        assert!(ask.await.expect("an answer"));
    }
    assert!(old.works().await);
    assert_eq!(scene.door.live_sessions(), 2);
    // A stream restores it as well.
    let scene = scene.restart().await;
    let wire = wire.at(scene.address);
    assert_eq!(wire.get().await.status(), StatusCode::OK);
    assert_eq!(scene.door.live_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_recently_used_session_makes_room_and_comes_back() {
    let scene = Scene::with(Config {
        max_live_sessions: 3,
        ..Config::default()
    })
    .await;
    let mut wires = Vec::new();
    for _ in 0..3 {
        wires.push(scene.wire().initialize(LATEST).await);
    }
    // The first has an open stream, so that the second has to go.
    let stream = wires[0].get().await;
    assert!(wires[2].works().await);
    wires.push(scene.wire().initialize(LATEST).await);
    assert_eq!(scene.door.live_sessions(), 3);
    for wire in &wires {
        stored(&scene, wire).await;
    }
    drop(stream);
    // However often they push each other out, each one is answered.
    for _ in 0..25 {
        for wire in &wires {
            assert!(wire.works().await);
            assert!(scene.door.live_sessions() <= 3);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn abandoned_sessions_are_bounded() {
    let scene = Scene::with(Config {
        max_live_sessions: 8,
        max_stored_sessions: 20,
        ..Config::default()
    })
    .await;
    for _ in 0..50 {
        scene.wire().initialize(LATEST).await;
        assert!(scene.door.live_sessions() <= 8);
    }
    let last = scene.wire().initialize(LATEST).await;
    stored(&scene, &last).await;
    // Rows are tidied when the door opens.
    let scene = scene.restart().await;
    let rows = || {
        let rows = scene.store.read(mcp_sessions::list);
        rows.expect("rows")
    };
    eventually("the bound of rows", || rows().len() <= 20).await;
    assert!(last.at(scene.address).works().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_leaves_memory_unless_it_has_a_stream() {
    let scene = Scene::with(Config {
        keep_alive: Duration::from_millis(50),
        ..Config::default()
    })
    .await;
    let idle = scene.wire().initialize(LATEST).await;
    let listening = scene.wire().initialize(LATEST).await;
    let stream = listening.get().await;
    eventually("the end of the idle one", || {
        scene.door.live_sessions() == 1
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(scene.door.live_sessions(), 1);
    assert!(idle.works().await && listening.works().await);
    drop(stream);
    eventually("the end of both", || scene.door.live_sessions() == 0).await;
    assert!(idle.works().await && listening.works().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_row_is_forgotten() {
    let scene = Scene::with(Config {
        store_for: Duration::from_millis(100),
        ..Config::default()
    })
    .await;
    let wire = scene.wire().initialize(LATEST).await;
    stored(&scene, &wire).await;
    let scene = scene.restart().await;
    // It was in use until the restart.
    assert!(is_stored(&scene, &wire));
    tokio::time::sleep(Duration::from_millis(150)).await;
    let scene = scene.restart().await;
    eventually("its end", || !is_stored(&scene, &wire)).await;
    assert!(!wire.at(scene.address).works().await);
}

/// The answer of a call whose connection dropped after the event with this id.
async fn resumed(wire: &Wire, last_event_id: &str) -> Vec<Value> {
    let wire = wire.clone().with("last-event-id", last_event_id);
    let told = events(wire.get().await).await;
    told.iter().map(|event| event.json()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_when_its_connection_drops_and_is_answered_later() {
    let scene = Scene::new().await;
    let wire = scene.wire().initialize(LATEST).await;
    start_session(&scene, &wire).await;
    let message = |text| json!({"message": text, "type": "info"});
    let seq = scene.coach.cursor().seq;

    let release = hold_the_writer(&scene);
    let mut answer = wire.call("paige_show_message", message("one")).await;
    let first = first_event(&mut answer).await;
    assert_eq!(first.data, "");
    let first = first.id.expect("an id");
    drop(answer);
    // Another call's answer comes between, and one that is still under way is waited for.
    let mut other = wire.call("paige_show_message", message("two")).await;
    let second = first_event(&mut other).await.id.expect("an id");
    drop(other);
    let waiting = {
        let (wire, second) = (wire.clone(), second.clone());
        tokio::spawn(async move { resumed(&wire, &second).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    drop(release);
    eventually("both messages", || scene.coach.cursor().seq == seq + 2).await;

    let late = waiting.await.expect("an answer");
    let again = resumed(&wire, &first).await;
    for told in [&late, &again] {
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["id"], 7);
        assert_eq!(
            told[0]["result"]["structuredContent"],
            json!({"success": true})
        );
    }
    assert_eq!(resumed(&wire, &second).await, late);
    // Nothing is done twice, and an event that was never told leads nowhere.
    assert_eq!(scene.coach.cursor().seq, seq + 2);
    for unknown in ["0", "0/0", "x-1-0"] {
        assert_eq!(resumed(&wire, unknown).await, Vec::<Value>::new());
    }
    let stranger = scene.wire().initialize(LATEST).await;
    assert_eq!(resumed(&stranger, &first).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_can_be_asked_for_again_too_and_older_clients_see_only_answers() {
    let scene = Scene::new().await;
    let told =
        async |wire: &Wire| events(wire.call("paige_get_active_session", json!({})).await).await;
    let wire = scene.wire().initialize(LATEST).await;
    let [priming, answer] = told(&wire).await.try_into().expect("two events");
    assert_eq!(priming.data, "");
    let priming = priming.id.expect("an id");
    assert_eq!(resumed(&wire, &priming).await, [answer.json()]);
    let seen = answer.id.expect("an id");
    assert_eq!(resumed(&wire, &seen).await, Vec::<Value>::new());
    let old = scene.wire().initialize("2025-06-18").await;
    assert_eq!(told(&old).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_closes_within_a_second_and_answers_what_is_under_way() {
    let scene = Scene::new().await;
    let wire = scene.wire().initialize(LATEST).await;
    let other = scene.wire().initialize(LATEST).await;
    let client = scene.client(Era::Sessions).await;
    start_session(&scene, &wire).await;
    let mut stream = wire.get().await;
    assert_eq!(stream.status(), StatusCode::OK);

    let release = hold_the_writer(&scene);
    let under_way = {
        let wire = other.clone();
        let args = json!({"message": "m", "type": "info"});
        let mut answer = wire.call("paige_show_message", args).await;
        first_event(&mut answer).await;
        tokio::spawn(async move { events(answer).await })
    };
    let door = scene.door.clone();
    let closing =
        tokio::spawn(
            async move { tokio::time::timeout(Duration::from_secs(1), door.close()).await },
        );
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished());
    drop(release);
    closing.await.expect("closed").expect("within a second");

    let told = under_way.await.expect("an answer");
    assert_eq!(
        told.last().expect("an event").json()["result"]["isError"],
        false
    );
    assert_eq!(stream.chunk().await.expect("the end"), None);
    assert_eq!(scene.door.live_sessions(), 0);
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_end_does_not_keep_the_door_open() {
    let scene = Scene::new().await;
    let wire = scene.wire().initialize(LATEST).await;
    start_session(&scene, &wire).await;
    let release = hold_the_writer(&scene);
    let args = json!({"message": "m", "type": "info"});
    let mut answer = wire.call("paige_show_message", args).await;
    first_event(&mut answer).await;
    let closing = tokio::time::timeout(Duration::from_secs(1), scene.door.close());
    closing.await.expect("within a second");
    drop(release);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_and_how_much_is_checked_here_too() {
    let scene = Scene::with(Config {
        allowed_origins: vec!["tauri://localhost".into(), "http://app.example:8080".into()],
        max_body_bytes: 2000,
        ..Config::default()
    })
    .await;
    let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": LATEST, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }});
    let check = async |header, value: &str, status| {
        let answer = scene.wire().with(header, value).post(&body).await;
        assert_eq!(answer.status(), status, "{value}");
    };
    check("host", "localhost:9", StatusCode::OK).await;
    check("host", "[::1]:9", StatusCode::OK).await;
    check("host", "evil.example", StatusCode::FORBIDDEN).await;
    check("origin", "tauri://localhost", StatusCode::OK).await;
    check("origin", "http://app.example:8080", StatusCode::OK).await;
    check("origin", "http://app.example", StatusCode::FORBIDDEN).await;
    check("origin", "http://localhost:3000", StatusCode::FORBIDDEN).await;
    check("origin", "null", StatusCode::FORBIDDEN).await;
    let large = call("paige_get_open_files", json!({"x": "y".repeat(2000)}));
    let answer = scene.wire().post(&large).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
