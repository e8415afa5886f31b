//! An hour of heavy editing: what is held stays flat.

use super::*;

/// Ten updates a second in a text of three hundred lines, in places that wander, with a save each ten seconds.
#[test]
fn an_hour_of_ten_updates_a_second_holds_no_more_than_its_first_minutes() {
    let mut play = Play::in_phase();
    let mut lines: Vec<String> = (0..300)
        .map(|n| format!("    let value_{n} = compute({n});"))
        .collect();
    let (mut early, mut late) = (0, 0);
    for n in 0..36_000_usize {
        lines[n / 40 % 300] = format!("    let changed = compute({});", n % 7);
        let text = lines.join("\n");
        let steps = play.after(100, edit("src/login.ts", &text));
        if !steps.is_empty() && play.state.asking.is_some() {
            play.answer(no_nudge());
        }
        if n % 100 == 0 {
            play.after(0, Event::FileSaved("src/login.ts".into()));
        }
        play.steps.clear();
        play.asks.truncate(1);
        let held = play.state.bytes();
        if n < 6000 {
            early = early.max(held);
        } else {
            late = late.max(held);
        }
    }
    assert!(
        late <= early * 2 && late < 512 * 1024,
        "{early} bytes, then {late}"
    );
}
