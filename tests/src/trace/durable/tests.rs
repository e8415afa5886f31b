use super::*;

const ACK: &str = r#"{"path":"a.txt","success":true,"version":"v1"}"#;
const SOCKET: &str = "13<TCP:[127.0.0.1:1->127.0.0.1:2]>";

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

fn write(name: &str, file: &str, bytes: &[u8]) -> String {
    format!(
        "7 {name}({file}, \"{}\", {}) = {}",
        text(bytes),
        bytes.len(),
        bytes.len()
    )
}

fn log(bytes: &[u8]) -> String {
    write("pwrite64", "18</d/paige.db-wal>", bytes)
}

fn frame(last: bool) -> String {
    let mut header = [0; 24];
    header[3] = 2;
    header[7] = u8::from(last);
    log(&header)
}

fn sent(rest: &str) -> String {
    write(
        "write",
        SOCKET,
        format!("\u{1}~{{\"type\":\"fs:save_ack\",\"payload\":{ACK}{rest}").as_bytes(),
    )
}

/// A save as it should go.
fn lines() -> Vec<String> {
    vec![
        write("write", "9</p/.paige-1.tmp>", b"text"),
        "7 fsync(9</p/.paige-1.tmp>) = 0".to_owned(),
        r#"7 renameat(5</p>, ".paige-1.tmp", 5</p>, "a.txt") = 0"#.to_owned(),
        "7 fsync(10</p>) = 0".to_owned(),
        log(&[7; 32]),
        frame(false),
        log(format!("..fs:save_ack{ACK}2026..").as_bytes()),
        frame(true),
        log(b"another page"),
        "7 fsync(18</d/paige.db-wal>) = 0".to_owned(),
        sent(r#","seq":1,"timestamp":"2026"}"#),
        sent(r#","id":"r1","timestamp":"2027"}"#),
    ]
}

fn look(lines: &[String]) -> Result<Findings> {
    let known = Known {
        project: "/p".into(),
        saved: HashMap::from([("v1".to_owned(), b"text".to_vec())]),
    };
    check(&Trace::parse(&lines.join("\n"))?, &known)
}

#[test]
fn what_goes_its_way_is_no_violation() -> Result<()> {
    let expected = Findings {
        pushes: 1,
        push_frames: 1,
        answers: 1,
        ..Findings::default()
    };
    assert_eq!(look(&lines())?, expected);
    Ok(())
}

#[test]
fn a_step_that_is_missing_or_late_is_told_for_push_and_answer() -> Result<()> {
    let row = "before its row was synced";
    let table = [
        (0, "no write to a temporary file"),
        (1, "no sync of the file"),
        (2, "no rename after the sync"),
        (3, "no sync of the folder"),
        (6, row),
        (9, row),
    ];
    for (step, expected) in table {
        let mut without = lines();
        without.remove(step);
        let found = look(&without)?.violations;
        assert_eq!(found.len(), 2, "{step}: {found:?}");
        assert!(
            found.iter().all(|told| told.contains(expected)),
            "{step}: {found:?}"
        );

        let mut late = lines();
        let line = late.remove(step);
        late.push(line);
        let found = look(&late)?.violations;
        assert_eq!(found.len(), 2, "{step}: {found:?}");
    }
    Ok(())
}

#[test]
fn a_sync_counts_only_for_what_was_written_before_it_began() -> Result<()> {
    let mut early = lines();
    early[9] = "7 <... fsync resumed>) = 0".to_owned();
    early.insert(8, "7 fsync(18</d/paige.db-wal> <unfinished ...>".to_owned());
    // The last page is written by another thread while the sync is under way.
    early[9] = early[9].replacen('7', "8", 1);
    let found = look(&early)?.violations;
    assert_eq!(found.len(), 2, "{found:?}");
    let mut failed = lines();
    failed[9] = failed[9].replace("= 0", "= -1 EIO (Input/output error)");
    let found = look(&failed)?.violations;
    assert_eq!(found.len(), 2, "{found:?}");
    Ok(())
}

#[test]
fn the_second_answer_of_a_kind_needs_a_second_row() -> Result<()> {
    let mut lines = lines();
    lines.push(sent(r#","id":"r2","timestamp":"2028"}"#));
    let found = look(&lines)?.violations;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("an answer fs:save_ack"), "{found:?}");
    Ok(())
}

#[test]
fn room_that_is_made_in_the_log_ends_no_transaction() -> Result<()> {
    let mut lines = lines();
    // Between the header of the last frame and its page, with the only sync.
    lines.insert(8, write("write", "19</d/paige.db-wal>", &[0; 64]));
    let sync = lines.remove(10);
    lines.insert(9, sync);
    let found = look(&lines)?.violations;
    assert_eq!(found.len(), 2, "{found:?}");
    Ok(())
}

#[test]
fn a_longer_sync_that_began_earlier_is_not_waited_for() -> Result<()> {
    let mut lines = lines();
    lines.insert(9, "8 fsync(19</d/paige.db-wal> <unfinished ...>".to_owned());
    lines.push("8 <... fsync resumed>) = 0".to_owned());
    assert_eq!(look(&lines)?.violations, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_log_that_is_cut_in_the_trace_is_refused() {
    let mut lines = lines();
    lines[8] = lines[8].replace("= 12", "= 4096");
    assert!(look(&lines).is_err());
}
