//! Families `editor` and `user`: what the human looks at. All of it is observed, none is answered.

use paige_coach::CommandRun;
use paige_protocol::coach::{
    Action,
    action::CommandSource,
    coaching::{self, IdleEnd, IdleStart},
    editor::{Selection, TabSwitch},
};

use super::Request;

pub(super) fn tab_switch(request: &Request<'_>, switch: TabSwitch) {
    let Some(to) = request.path(&switch.to_path) else {
        return;
    };
    let from = match &switch.from_path {
        Some(from) => match request.path(from) {
            Some(from) => Some(from.into()),
            None => return,
        },
        None => None,
    };
    request.desk.coach.observe(&Action::EditorTabSwitch {
        from_path: from,
        to_path: to.into(),
    });
}

pub(super) fn selection(request: &Request<'_>, selection: Selection) {
    let Some(path) = request.path(&selection.path) else {
        return;
    };
    // The text itself may be a secret and is not needed: its length tells how much was selected.
    let text_length = selection.selected_text.map_or(0, |text| {
        u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
    });
    request.desk.coach.observe(&Action::EditorSelection {
        path: path.into(),
        range: selection.range,
        text_length,
    });
}

pub(super) fn idle_start(request: &Request<'_>, idle: IdleStart) {
    request.desk.coach.observe(&Action::UserIdleStart {
        duration_ms: idle.duration_ms,
    });
}

pub(super) fn idle_end(request: &Request<'_>, idle: IdleEnd) {
    request.desk.coach.observe(&Action::UserIdleEnd {
        idle_duration_ms: idle.idle_duration_ms,
    });
}

pub(super) fn explain_asked(request: &Request<'_>, explain: coaching::Explain) {
    let Some(path) = request.path(&explain.path) else {
        return;
    };
    request.desk.coach.observe(&Action::UserExplainRequest {
        path: path.into(),
        range: explain.range,
    });
}

pub(super) fn command_run(request: &Request<'_>, run: coaching::CommandRun) {
    request.desk.coach.command_ran(&CommandRun {
        command: run.command,
        exit_code: run.exit_code,
        duration_ms: run.duration_ms,
        tail: run.tail,
        source: CommandSource::Shell,
    });
}
