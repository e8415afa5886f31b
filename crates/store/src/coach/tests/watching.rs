//! What the Observer keeps.

use super::*;

fn row(session_id: u32) -> observers::Observer {
    observers::Observer {
        session_id,
        muted: false,
        last_nudge_at: Some("2026-01-01T00:00:00.000Z".to_owned()),
        last_evaluation_at: None,
        buffer_updates: 3,
        explain_requests: 2,
        nudges: Json([("wrong_file".to_owned(), 2)].into()),
    }
}

#[test]
fn what_is_kept_is_replaced_and_does_not_unmute() {
    let fixture = fixture();
    let id = fixture.session().id;
    assert_eq!(
        fixture.read(|reader| observers::of_session(reader, id)),
        None
    );
    fixture.commit(move |unit| observers::mute(unit, id, true));
    fixture.commit(move |unit| observers::keep(unit, &row(id)));
    let kept = fixture.read(|reader| observers::of_session(reader, id));
    let muted = observers::Observer {
        muted: true,
        ..row(id)
    };
    assert_eq!(kept, Some(muted));
    fixture.commit(move |unit| {
        observers::mute(unit, id, false)?;
        observers::keep(
            unit,
            &observers::Observer {
                buffer_updates: 0,
                ..row(id)
            },
        )
    });
    let kept = fixture.read(|reader| observers::of_session(reader, id));
    assert_eq!(
        kept,
        Some(observers::Observer {
            buffer_updates: 0,
            ..row(id)
        })
    );
}

#[test]
fn nothing_is_kept_of_a_session_that_is_gone() {
    let fixture = fixture();
    fixture.commit(|unit| observers::keep(unit, &row(99)));
    assert_eq!(
        fixture.read(|reader| observers::of_session(reader, 99)),
        None
    );
    fixture.refused(|unit| observers::mute(unit, 99, true));
}
