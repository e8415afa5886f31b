//! What ended long ago goes in small parts, and what was learned stays.

use super::*;
use crate::{Entry, timeline};

/// Prunes to the end and returns in how many parts.
fn prune(fixture: &Fixture, before: &str) -> u32 {
    let mut parts = 0;
    loop {
        let before = before.to_owned();
        if !fixture.commit(move |unit| retention::prune(unit, &before)) {
            return parts;
        }
        parts += 1;
    }
}

fn count(fixture: &Fixture, scope: Option<u32>) -> u32 {
    let filter = timeline::Filter {
        scope: Some(scope),
        ..timeline::Filter::default()
    };
    fixture.read(|reader| timeline::count(reader, &filter))
}

/// A session with `entries` entries, and as many without a session before it.
fn filled(fixture: &Fixture, entries: u32) -> u32 {
    let id = fixture.session().id;
    fixture.commit(move |unit| {
        for scope in [None, Some(id)] {
            for _ in 0..entries {
                unit.log(scope, Entry::new("a", "1".to_owned()))?;
            }
        }
        for number in 0..25 {
            let text = format!("{id} {number}");
            previous_texts::keep(unit, id, None, &text, Some(&text))?;
        }
        previous_texts::keep(unit, id, None, "shared", Some("shared"))?;
        open_files::open(unit, id, "a.rs", OpenedBy::User)?;
        let gap = gaps::NewGap {
            session_id: id,
            topic: "t".to_owned(),
            severity: Severity::Low,
            evidence: "e".to_owned(),
            related_concepts: Vec::new(),
        };
        gaps::record(unit, &gap)?;
        Ok(())
    });
    id
}

fn end(fixture: &Fixture, id: u32) -> String {
    fixture.commit(move |unit| sessions::end(unit, id, SessionStatus::Completed));
    std::thread::sleep(std::time::Duration::from_millis(2));
    let now = crate::now();
    std::thread::sleep(std::time::Duration::from_millis(2));
    now
}

#[test]
fn what_ended_before_goes_in_small_parts_and_what_was_learned_stays() {
    let fixture = fixture();
    let old = filled(&fixture, 600);
    let between = end(&fixture, old);
    let young = filled(&fixture, 10);
    assert_eq!(prune(&fixture, "2000-01-01T00:00:00.000Z"), 0);

    let parts = prune(&fixture, &between);
    assert!(
        parts > 6,
        "two for the entries of each scope, three for the texts: {parts}"
    );
    assert_eq!(count(&fixture, Some(old)), 0);
    assert_eq!(count(&fixture, Some(young)), 10);
    assert_eq!(
        count(&fixture, None),
        10,
        "what came later without a session"
    );
    assert_eq!(
        fixture.read(|reader| previous_texts::list(reader, old, None)),
        []
    );
    let kept = fixture.read(|reader| previous_texts::list(reader, young, None));
    assert_eq!(kept.len(), 26);
    assert!(kept.iter().all(|kept| kept.content.is_some()));
    let texts = fixture.read(|reader| reader.value::<u32>("SELECT count(*) FROM texts", []));
    assert_eq!(texts, 26);
    let gap = fixture.read(|reader| gaps::by_topic(reader, "t")).unwrap();
    assert_eq!((gap.session_id, gap.frequency), (old, 2));
    assert!(
        fixture
            .read(|reader| sessions::by_id(reader, old))
            .is_some()
    );
    assert_eq!(prune(&fixture, &between), 0);
}

#[test]
fn the_active_session_and_the_newest_number_stay() {
    let fixture = fixture();
    let id = filled(&fixture, 10);
    let later = "9999-01-01T00:00:00.000Z";
    prune(&fixture, later);
    assert_eq!(count(&fixture, Some(id)), 10);
    assert_eq!(count(&fixture, None), 0);
    end(&fixture, id);
    prune(&fixture, later);
    assert_eq!(count(&fixture, Some(id)), 1);
    let next = fixture.commit(|unit| unit.log(None, Entry::new("a", None)));
    assert_eq!(next, 21, "no number is given out twice");
    prune(&fixture, later);
    assert_eq!((count(&fixture, Some(id)), count(&fixture, None)), (0, 1));
}
