//! What lies on the desk: open files, marks, buffers, texts, the timeline, MCP sessions.

use super::*;
use crate::Entry;

pub(super) fn new_mark(session_id: u32, path: &str, lines: Option<(u32, u32)>) -> marks::NewMark {
    marks::NewMark {
        session_id,
        hint_id: None,
        path: path.to_owned(),
        lines,
        style: Style::Hint,
        hover_text: None,
        origin: Origin::Claude,
        rung: 2,
        shown: true,
    }
}

#[test]
fn a_file_is_open_once_whoever_opened_it() {
    let f = fixture();
    let id = f.session().id;
    let opened = f.commit(move |unit| {
        Ok([
            open_files::open(unit, id, "b.rs", OpenedBy::User)?,
            open_files::open(unit, id, "a.rs", OpenedBy::Claude)?,
            open_files::open(unit, id, "b.rs", OpenedBy::Claude)?,
        ])
    });
    assert_eq!(opened, [true, true, false]);
    let list = || -> Vec<(String, OpenedBy)> {
        f.read(|r| open_files::list(r, id))
            .into_iter()
            .map(|file| (file.path, file.opened_by))
            .collect()
    };
    assert_eq!(
        list(),
        [
            ("a.rs".to_owned(), OpenedBy::Claude),
            ("b.rs".to_owned(), OpenedBy::User),
        ]
    );
    let changed = f.commit(move |unit| {
        Ok([
            open_files::rename(unit, id, "a.rs", "b.rs")?,
            open_files::close(unit, id, "b.rs")?,
            open_files::close(unit, id, "b.rs")?,
        ])
    });
    assert_eq!(changed, [true, true, false]);
    assert_eq!(list(), []);
}

#[test]
fn marks_accumulate_and_are_withdrawn_by_whom_they_are_of() {
    let f = fixture();
    let id = f.session().id;
    f.commit(move |unit| {
        marks::add(unit, &new_mark(id, "a.rs", Some((1, 2))))?;
        marks::add(unit, &new_mark(id, "a.rs", Some((5, 5))))?;
        marks::add(unit, &new_mark(id, "a.rs", None))?;
        marks::add(unit, &new_mark(id, "b.rs", Some((1, 1))))?;
        let of_phase = marks::NewMark {
            origin: Origin::Phase,
            shown: false,
            ..new_mark(id, "a.rs", Some((9, 9)))
        };
        marks::add(unit, &of_phase)
    });
    let ids = |f: &Fixture| -> Vec<u32> {
        f.read(|r| marks::by_session(r, id))
            .into_iter()
            .map(|mark| mark.id)
            .collect()
    };
    let clear = |filter: marks::Filter<'static>| {
        f.commit(move |unit| marks::clear(unit, id, &filter));
    };
    let claude = marks::Filter {
        origin: Some(Origin::Claude),
        ..marks::Filter::default()
    };
    clear(marks::Filter {
        path: Some("a.rs"),
        at_lines: Some(true),
        ..claude.clone()
    });
    assert_eq!(ids(&f), [3, 4, 5]);
    clear(marks::Filter {
        at_lines: Some(false),
        ..claude.clone()
    });
    assert_eq!(ids(&f), [4, 5]);
    clear(claude);
    assert_eq!(ids(&f), [5]);

    let mark = f.commit(|unit| {
        marks::set_lines(unit, 5, (12, 14))?;
        marks::set_shown(unit, 5, true, None)
    });
    assert_eq!(
        (mark.line_start, mark.line_end, mark.shown),
        (Some(12), Some(14), true)
    );
    f.commit(move |unit| marks::rename(unit, id, "a.rs", "c.rs"));
    assert_eq!(f.read(|r| marks::by_path(r, id, "c.rs")).len(), 1);
    assert!(f.commit(|unit| marks::delete(unit, 5)));
    assert!(!f.commit(|unit| marks::delete(unit, 5)));
    let crooked = f.refused(move |unit| marks::add(unit, &new_mark(id, "a.rs", Some((2, 1)))));
    assert!(is_constraint(&crooked, ConstraintKind::Check));
}

#[test]
fn a_buffer_is_backed_up_in_the_place_of_its_last_backup() {
    let f = fixture();
    let backup = |path: &str, content: &str| buffers::NewBackup {
        project_dir: "/project".to_owned(),
        path: path.to_owned(),
        content: content.to_owned(),
        cursor: Some((3, 9)),
        base_version: Some("v1".to_owned()),
        dirty: true,
    };
    for (path, content) in [("b.rs", "1"), ("a.rs", "2"), ("b.rs", "3\0\u{1F600}\r\n")] {
        let backup = backup(path, content);
        f.commit(move |unit| buffers::put(unit, &backup));
    }
    let all = f.read(|r| buffers::list(r, "/project"));
    assert_eq!(all.len(), 2);
    assert_eq!(
        all[1],
        buffers::BufferBackup {
            project_dir: "/project".to_owned(),
            path: "b.rs".to_owned(),
            content: "3\0\u{1F600}\r\n".to_owned(),
            cursor_line: Some(3),
            cursor_column: Some(9),
            base_version: Some("v1".to_owned()),
            dirty: true,
            updated_at: all[1].updated_at.clone(),
        }
    );
    assert_eq!(f.read(|r| buffers::list(r, "/other")), []);
    f.commit(|unit| buffers::rename(unit, "/project", "b.rs", "a.rs"));
    let moved = f.read(|r| buffers::get(r, "/project", "a.rs")).unwrap();
    assert_eq!(moved.content, all[1].content);
    assert!(f.commit(|unit| buffers::delete(unit, "/project", "a.rs")));
    assert_eq!(f.read(|r| buffers::list(r, "/project")), []);
}

#[test]
fn the_first_text_of_a_session_and_of_a_phase_is_kept() {
    let f = fixture();
    let id = f.session().id;
    let phase = f.phase(f.plan(id, "Plan").id, 1).id;
    let kept = f.commit(move |unit| {
        Ok([
            previous_texts::keep(unit, id, None, "a.rs", Some("old"))?,
            previous_texts::keep(unit, id, None, "a.rs", Some("new"))?,
            previous_texts::keep(unit, id, Some(phase), "a.rs", Some("old"))?,
            previous_texts::keep(unit, id, None, "made.rs", None)?,
        ])
    });
    assert_eq!(kept, [true, false, true, true]);
    let text = |phase| {
        f.read(|r| previous_texts::get(r, id, phase, "a.rs"))
            .and_then(|previous| previous.content)
    };
    assert_eq!(text(None).as_deref(), Some("old"));
    assert_eq!(text(Some(phase)).as_deref(), Some("old"));
    let all: Vec<_> = f
        .read(|r| previous_texts::list(r, id, None))
        .into_iter()
        .map(|previous| (previous.path, previous.content))
        .collect();
    assert_eq!(
        all,
        [
            ("a.rs".to_owned(), Some("old".to_owned())),
            ("made.rs".to_owned(), None),
        ]
    );
    let texts = || f.read(|r| r.value::<u32>("SELECT count(*) FROM texts", []));
    assert_eq!(texts(), 1, "equal texts are kept once");
    f.commit(move |unit| previous_texts::prune(unit, id));
    assert_eq!(texts(), 0);
    assert!(!f.read(|r| previous_texts::is_kept(r, id, None, "a.rs")));
}

#[test]
fn actions_are_read_by_session_type_and_time() {
    let f = fixture();
    let id = f.session().id;
    let times = ["file_open", "file_save", "file_open"].map(|kind| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        f.commit(move |unit| {
            unit.log(Some(id), Entry::new(kind, r#"{"path":"a"}"#.to_owned()))?;
            unit.log(None, Entry::new(kind, None))?;
            Ok(unit.now().to_owned())
        })
    });
    let check = |actions: Vec<actions::TimelineEntry>, expected: &[u32]| {
        let ids: Vec<_> = actions.iter().map(|action| action.id).collect();
        assert_eq!(ids, expected);
    };
    check(f.read(|r| actions::recent(r, Some(id), 2)), &[5, 3]);
    check(f.read(|r| actions::recent(r, None, 2)), &[6, 4]);
    check(f.read(|r| actions::by_session(r, id)), &[1, 3, 5]);
    check(f.read(|r| actions::by_type(r, id, "file_open")), &[1, 5]);
    check(f.read(|r| actions::since(r, id, &times[1])), &[3, 5]);
    let last = f.read(|r| actions::last_of_type(r, id, "file_save"));
    assert_eq!(
        last.map(|action| (action.id, action.at)),
        Some((3, times[1].clone()))
    );
}

#[test]
fn spans_of_hint_level_follow_each_other() {
    let f = fixture();
    let id = f.session().id;
    for (level, source) in [
        (HintLevel::Low, HintLevelSource::Phase),
        (HintLevel::High, HintLevelSource::User),
    ] {
        let session = f.commit(move |unit| sessions::set_hint_level(unit, id, level, source));
        assert_eq!(
            (session.hint_level, session.hint_level_source),
            (level, source)
        );
    }
    let spans: Vec<_> = f
        .read(|r| hint_level_spans::by_session(r, id))
        .into_iter()
        .map(|span| (span.level, span.ended_at.is_some()))
        .collect();
    assert_eq!(spans, [(HintLevel::Low, true), (HintLevel::High, false)]);
}

#[test]
fn the_labels_of_an_issue_are_replaced() {
    let f = fixture();
    let label = |name: &str, color: Option<&str>| (name.to_owned(), color.map(str::to_owned));
    let (old, new) = (
        [label("bug", None), label("old", None)],
        [label("bug", Some("d73a4a")), label("api", None)],
    );
    f.commit(move |unit| issue_labels::replace(unit, "/project", 42, &old));
    f.commit(move |unit| issue_labels::replace(unit, "/project", 42, &new));
    let labels: Vec<_> = f
        .read(|r| issue_labels::by_issue(r, "/project", 42))
        .into_iter()
        .map(|label| (label.label_name, label.label_color))
        .collect();
    assert_eq!(labels, [label("api", None), label("bug", Some("d73a4a"))]);
    assert_eq!(f.read(|r| issue_labels::by_issue(r, "/other", 42)), []);
}

#[test]
fn mcp_sessions_are_kept_used_and_the_longest_unused_leave() {
    let f = fixture();
    for id in ["one", "two", "three"] {
        std::thread::sleep(std::time::Duration::from_millis(2));
        f.commit(move |unit| mcp_sessions::store(unit, id, r#"{"v":1}"#));
    }
    std::thread::sleep(std::time::Duration::from_millis(2));
    assert!(f.commit(|unit| mcp_sessions::touch(unit, "one")));
    assert!(!f.commit(|unit| mcp_sessions::touch(unit, "four")));
    assert_eq!(f.commit(|unit| mcp_sessions::evict(unit, 2)), ["two"]);
    let ids: Vec<_> = f
        .read(mcp_sessions::list)
        .into_iter()
        .map(|session| session.id)
        .collect();
    assert_eq!(ids, ["three", "one"]);
    f.commit(|unit| mcp_sessions::store(unit, "one", r#"{"v":2}"#));
    let one = f.read(|r| mcp_sessions::load(r, "one")).unwrap();
    assert_eq!(one.state, r#"{"v":2}"#);
    assert!(f.commit(|unit| mcp_sessions::delete(unit, "one")));
    assert_eq!(f.read(|r| mcp_sessions::load(r, "one")), None);
    let no_json = f.refused(|unit| mcp_sessions::store(unit, "x", "{"));
    assert!(is_constraint(&no_json, ConstraintKind::Check));
}

#[test]
fn a_session_that_is_deleted_takes_all_of_it_along_but_not_what_it_cost() {
    let f = fixture();
    let id = f.session().id;
    let plan = f.plan(id, "Plan").id;
    let phase = f.phase(plan, 1).id;
    f.commit(move |unit| {
        unit.log(Some(id), Entry::new("file_open", None))?;
        previous_texts::keep(unit, id, Some(phase), "a.rs", Some("old"))?;
        let call = api_calls::NewCall {
            scope: Some(id),
            call_type: "coach_agent".to_owned(),
            model: "m".to_owned(),
            input_hash: None,
            latency_ms: 5,
            input_tokens: 1,
            output_tokens: 1,
            cache_write_tokens: 0,
            cache_read_tokens: 0,
            cost_estimate: Some(0.5),
        };
        api_calls::insert(unit, &call)
    });
    f.commit(move |unit| unit.row("DELETE FROM sessions WHERE id = ?1", [id]));
    for table in ["plans", "phases", "previous_texts", "action_log"] {
        let left = f.read(|r| r.value::<u32>(&format!("SELECT count(*) FROM {table}"), []));
        assert_eq!(left, 0, "{table}");
    }
    let totals = f.read(|r| api_calls::totals(r, &api_calls::Period::default()));
    assert_eq!((totals.calls, totals.cost), (1, 0.5));
    // Its number is not given out again.
    assert_eq!(f.session().id, id + 1);
}

#[test]
fn a_renamed_folder_takes_its_open_files_and_marks_along() {
    let f = fixture();
    let id = f.session().id;
    let paths = ["old", "old/a.rs", "old/in/b.rs", "older/c.rs", "x/old/d.rs"];
    f.commit(move |unit| {
        for path in paths {
            open_files::open(unit, id, path, OpenedBy::User)?;
            marks::add(unit, &new_mark(id, path, Some((1, 1))))?;
        }
        assert!(open_files::rename(unit, id, "old", "n\u{e4}w/er")?);
        assert_eq!(marks::rename(unit, id, "old", "n\u{e4}w/er")?, 3);
        Ok(())
    });
    let moved = [
        "n\u{e4}w/er",
        "n\u{e4}w/er/a.rs",
        "n\u{e4}w/er/in/b.rs",
        "older/c.rs",
        "x/old/d.rs",
    ];
    let open: Vec<_> = f
        .read(|r| open_files::list(r, id))
        .into_iter()
        .map(|file| file.path)
        .collect();
    assert_eq!(open, moved);
    let mut marked: Vec<_> = f
        .read(|r| marks::by_session(r, id))
        .into_iter()
        .map(|mark| mark.path)
        .collect();
    marked.sort();
    assert_eq!(marked, moved);
}
