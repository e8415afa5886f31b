use std::collections::BTreeSet;

use expect_test::expect;
use paige_protocol::coach::{
    editor::{FileHintStyle, Tone},
    hints::HintLevel,
};

use super::*;
use crate::Config;

const FILES: [&str; 2] = ["src/shop.py", "tests/test_shop.py"];

fn exists(path: &str) -> bool {
    FILES.contains(&path)
}

fn phase(number: u32, kind: PhaseKind) -> PhaseDraft {
    PhaseDraft {
        number,
        title: "Find it".into(),
        goal: "I want to know why it is counted twice.".into(),
        description: "Run it and say what you expect before you look.".into(),
        expected_files: vec![ExpectedFile {
            path: FILES[0].into(),
            new: false,
        }],
        done_when: "A test fails for the right reason.".into(),
        teaches: "Reproducing before repairing.".into(),
        memory_connection: None,
        hint_level: HintLevel::Low,
        kind,
        hints: Hints::default(),
    }
}

/// A plan with phases of these kinds: `r`, `c`, `p` and `o`.
fn plan(kinds: &str) -> PlanDraft {
    let kind = |letter| match letter {
        'r' => PhaseKind::Reproduce,
        'c' => PhaseKind::Change,
        'p' => PhaseKind::Prove,
        _ => PhaseKind::Other,
    };
    PlanDraft {
        phases: (1..)
            .zip(kinds.chars())
            .map(|(number, letter)| phase(number, kind(letter)))
            .collect(),
        memory_connection: None,
        estimated_difficulty: Difficulty::Beginner,
    }
}

fn hint(path: &str, rung: u8) -> LineHint {
    LineHint {
        path: path.into(),
        start: 1,
        end: 2,
        style: Tone::Hint,
        hover_text: "What do you expect here? Put a print before it.".into(),
        rung,
    }
}

fn file_hint(path: &str) -> FileHint {
    FileHint {
        path: path.into(),
        style: FileHintStyle::Suggested,
    }
}

fn found(plan: &PlanDraft, stage: Stage) -> Vec<PlanViolation> {
    let rules = Config::default().teach;
    rules.check_plan(plan, stage, &exists, &Project::empty())
}

/// The violations of a plan that is good for a novice but for what `spoil` does to its first phase, and
/// those that are left after it was repaired.
#[track_caller]
fn check(
    spoil: impl FnOnce(&mut PhaseDraft),
    expected: expect_test::Expect,
    left: usize,
) -> PlanDraft {
    let mut draft = plan("rccp");
    spoil(&mut draft.phases[0]);
    let rules = Config::default().teach;
    let told: Vec<String> = found(&draft, Stage::Novice)
        .iter()
        .map(ToString::to_string)
        .collect();
    expected.assert_eq(&told.join("\n"));
    let (repaired, remaining) = rules.repair_plan(draft, Stage::Novice, &exists, &Project::empty());
    assert_eq!(remaining.len(), left, "{remaining:?}");
    repaired
}

#[test]
fn a_plan_has_the_phases_of_its_stage() {
    let rows = [(4, 7), (3, 6), (2, 4), (1, 3), (1, 2)];
    for (stage, (least, most)) in Stage::ALL.iter().copied().zip(rows) {
        for count in 1..=9_usize {
            let kinds = match count {
                1 => "p".to_owned(),
                _ => format!("r{}p", "o".repeat(count - 2)),
            };
            let fits = (least..=most).contains(&count);
            let violations = found(&plan(&kinds), stage);
            assert_eq!(
                violations.is_empty(),
                fits,
                "{stage}, {count}: {violations:?}"
            );
            if !fits {
                assert!(
                    matches!(&violations[..], [PlanViolation::Phases { .. }]),
                    "{violations:?}"
                );
            }
        }
    }
}

#[test]
fn both_obligations_stand_in_every_plan() {
    use PlanViolation::{NotProved, NotReproduced};
    let obligations = |kinds: &str| {
        let mut found = found(&plan(kinds), Stage::Novice);
        found.retain(|violation| matches!(violation, NotReproduced | NotProved));
        found
    };
    for good in ["p", "rp", "rcp", "rccp", "orcpcp", "rpcp", "orop"] {
        assert_eq!(obligations(good), [], "{good}");
    }
    for late in ["cp", "crp", "occrp", "op", "pr"] {
        assert_eq!(obligations(late), [NotReproduced], "{late}");
    }
    for unproved in ["rc", "rpc", "ro", "r"] {
        assert_eq!(obligations(unproved), [NotProved], "{unproved}");
    }
    for neither in ["c", "o"] {
        assert!(obligations(neither).contains(&NotProved), "{neither}");
    }
    assert_eq!(obligations("co"), [NotReproduced, NotProved]);
    // Of nothing nothing can be mended.
    let rules = Config::default().teach;
    let (_, left) = rules.repair_plan(plan("cccc"), Stage::Novice, &exists, &Project::empty());
    assert_eq!(left, [NotReproduced, NotProved]);
}

#[test]
fn phases_are_numbered_from_one() {
    let repaired = check(
        |phase| phase.number = 7,
        expect!["Phase 1 of the plan is numbered 7; number the phases from 1 without a gap."],
        0,
    );
    assert_eq!(repaired.phases[0].number, 1);
}

#[test]
fn files_exist_or_are_marked_new() {
    let repaired = check(
        |phase| {
            for (path, new) in [
                ("src/none.py", false),
                ("src/new.py", true),
                ("../secret", true),
                ("/etc/passwd", false),
            ] {
                phase.expected_files.push(ExpectedFile {
                    path: path.into(),
                    new,
                });
                phase.hints.file_hints.push(file_hint(path));
            }
            phase.hints.line_hints.push(hint("src/new.py", 2));
        },
        expect![[r#"
            Phase 1 names `src/none.py`, which does not exist; mark it as new if the learner is to make it, or name one that exists.
            Phase 1 names `../secret`, which is not a path inside the project; name files relative to the project.
            Phase 1 names `/etc/passwd`, which is not a path inside the project; name files relative to the project.
            Phase 1 names `src/none.py`, which does not exist; mark it as new if the learner is to make it, or name one that exists.
            Phase 1 names `../secret`, which is not a path inside the project; name files relative to the project.
            Phase 1 names `/etc/passwd`, which is not a path inside the project; name files relative to the project.
            Phase 1 names `src/new.py`, which does not exist; mark it as new if the learner is to make it, or name one that exists."#]],
        0,
    );
    let phase = &repaired.phases[0];
    let paths: Vec<_> = phase
        .expected_files
        .iter()
        .map(|file| &*file.path)
        .collect();
    assert_eq!(paths, ["src/shop.py", "src/new.py"]);
    assert_eq!(phase.hints.file_hints, [file_hint("src/new.py")]);
    assert_eq!(phase.hints.line_hints, []);
}

#[test]
fn hints_never_skip_a_rung() {
    let repaired = check(
        |phase| phase.hints.line_hints = vec![hint(FILES[1], 2), hint(FILES[1], 3)],
        expect![
            "Phase 1 has a hint of rung 2 and none of rung 1; a hint never skips a rung, so give that one, too."
        ],
        0,
    );
    assert_eq!(repaired.phases[0].hints.line_hints, []);
    let repaired = check(
        |phase| {
            phase.hints.file_hints = vec![file_hint(FILES[1])];
            phase.hints.line_hints = vec![hint(FILES[1], 3)];
        },
        expect![
            "Phase 1 has a hint of rung 3 and none of rung 2; a hint never skips a rung, so give that one, too."
        ],
        0,
    );
    assert_eq!(repaired.phases[0].hints.line_hints, []);
    let whole = |phase: &mut PhaseDraft| {
        phase.hints.file_hints = vec![file_hint(FILES[1])];
        phase.hints.line_hints = vec![hint(FILES[1], 3), hint(FILES[1], 2)];
    };
    let repaired = check(whole, expect![""], 0);
    assert_eq!(repaired.phases[0].hints.line_hints.len(), 2);
}

#[test]
fn hints_have_lines_and_a_rung_that_there_is() {
    let repaired = check(
        |phase| {
            phase.hints.file_hints = vec![file_hint(FILES[1])];
            let backwards = LineHint {
                start: 5,
                end: 4,
                ..hint(FILES[1], 2)
            };
            let nowhere = LineHint {
                start: 0,
                ..hint(FILES[1], 2)
            };
            phase.hints.line_hints = vec![backwards, nowhere, hint(FILES[1], 4), hint(FILES[1], 2)];
        },
        expect![[r#"
            Phase 1 has a hint at the lines 5 to 4 of `tests/test_shop.py`; lines count from 1, and the last is not before the first.
            Phase 1 has a hint at the lines 0 to 2 of `tests/test_shop.py`; lines count from 1, and the last is not before the first.
            Phase 1 has a hint at lines with the rung 4; it is 2 for what to look at or 3 for how to think about it."#]],
        0,
    );
    assert_eq!(repaired.phases[0].hints.line_hints, [hint(FILES[1], 2)]);
}

#[test]
fn texts_show_no_more_than_they_may() {
    let code = "Look.\n\n```python\na = load(1)\nb = load(2)\n```\n\nWhat is missing?";
    let repaired = check(
        |phase| {
            phase.title = "Write `a = load(1)` there".into();
            phase.description = "why ".repeat(151);
            phase.teaches = " ".into();
            phase.memory_connection = Some(code.into());
            phase.hints.file_hints = vec![file_hint(FILES[0])];
            let with = |path, rung| LineHint {
                hover_text: code.into(),
                ..hint(path, rung)
            };
            phase.hints.line_hints = vec![with(FILES[0], 2), with(FILES[0], 3), with(FILES[1], 3)];
        },
        expect![[r#"
            Phase 1, `title`: This text of a phase shows 1 line of code in one piece, and a novice may see none on rung 1; write it again as a question or as what to notice, and quote only code that stands in the project already.
            Phase 1, `description`: This description of a phase has 151 words and may have at most 150; keep the one idea that matters most and ask one question.
            Phase 1 has an empty `teaches`; fill it in.
            Phase 1, `memory_connection`: This text of a phase shows 2 lines of code in one piece, and a novice may see none on rung 1; write it again as a question or as what to notice, and quote only code that stands in the project already.
            Phase 1, `hover_text`: This hover text shows 2 lines of code in one piece, and a novice may see at most 1 line on rung 2; write it again as a question or as what to notice, and quote only code that stands in the project already.
            Phase 1, `hover_text`: This hover text shows 2 lines of code in one piece, and a novice may see at most 1 line on rung 3 in a file where the solution belongs; write it again as a question or as what to notice, and quote only code that stands in the project already."#]],
        // What a phase teaches is not known here.
        1,
    );
    let hovers: Vec<_> = repaired.phases[0]
        .hints
        .line_hints
        .iter()
        .map(|hint| &*hint.hover_text)
        .collect();
    assert_eq!(
        hovers,
        [
            "Look.\n\nWhat is missing?",
            "Look.\n\nWhat is missing?",
            code
        ]
    );
}

#[test]
fn the_answer_has_the_fields_that_the_prompt_asks_for() {
    let schema = serde_json::to_value(schemars::schema_for!(PlanDraft)).expect("JSON");
    let mut names = BTreeSet::new();
    let mut waiting = vec![&schema];
    while let Some(value) = waiting.pop() {
        if let Some(properties) = value["properties"].as_object() {
            names.extend(properties.keys().cloned());
        }
        waiting.extend(
            value
                .as_object()
                .into_iter()
                .flat_map(|object| object.values()),
        );
    }
    let prompts = paige_prompts::Prompts::embedded();
    let prompt = prompts.get("coach_agent").expect("a prompt");
    let inputs = prompt.inputs().iter().filter(|input| !input.optional);
    let inputs = inputs
        .map(|input| (input.name.clone(), serde_json::Value::Null))
        .collect();
    let rules = Config::default();
    let system = prompt
        .render(&rules.prompt_rules(), &inputs)
        .expect("it is rendered")
        .system;
    for name in &names {
        assert!(system.contains(name.as_str()), "{name}");
    }
    assert!(
        names.contains("hover_text") && names.len() > 20,
        "{names:?}"
    );
}

#[test]
fn a_hint_that_asks_for_nothing_is_told_and_given_a_question() {
    let rules = Config::default().teach;
    let mut draft = plan("roocp");
    let mut silent = hint(FILES[0], 2);
    silent.hover_text = "The total is made here.".into();
    draft.phases[0].hints = Hints {
        file_hints: vec![file_hint(FILES[0])],
        line_hints: vec![silent, hint(FILES[0], 3)],
    };
    let left = found(&draft, Stage::Novice);
    let asks_nothing = PlanViolation::AsksNothing {
        phase: 1,
        rung: 2,
        path: FILES[0].into(),
    };
    assert_eq!(left, [asks_nothing]);
    let (mended, left) = rules.repair_plan(draft, Stage::Novice, &exists, &Project::empty());
    assert_eq!(left, []);
    let texts: Vec<_> = mended.phases[0]
        .hints
        .line_hints
        .iter()
        .map(|hint| &*hint.hover_text)
        .collect();
    assert_eq!(
        texts,
        [
            "The total is made here. What do you expect to see here?",
            "What do you expect here? Put a print before it."
        ]
    );
}

#[test]
fn whatever_a_hint_says_it_asks_once_it_was_repaired() {
    let rules = Config::default().teach;
    for text in [
        "Obviously simply just.",
        "Just look",
        "Here:\n\n```python\nvalue = load(1)\n",
        "`a` `",
        &"A long sentence that goes on and on. ".repeat(30),
        "",
    ] {
        let mut draft = plan("roocp");
        let mut spoiled = hint(FILES[0], 2);
        spoiled.hover_text = text.to_owned();
        draft.phases[0].hints = Hints {
            file_hints: vec![file_hint(FILES[0])],
            line_hints: vec![spoiled],
        };
        let (mended, left) = rules.repair_plan(draft, Stage::Novice, &exists, &Project::empty());
        assert_eq!(
            left,
            [],
            "{text:?} became {:?}",
            mended.phases[0].hints.line_hints
        );
    }
}

#[test]
fn a_vain_word_is_told_and_dropped() {
    let rules = Config::default().teach;
    let mut draft = plan("roocp");
    draft.phases[1].description = "Simply run it, and say what you expect.".into();
    draft.phases[2].memory_connection = Some("You just did the like.".into());
    let told: Vec<String> = found(&draft, Stage::Novice)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "Phase 2, `description`: it says \"simply\", which makes a hard thing sound easy; leave that word out.",
            "Phase 3, `memory_connection`: it says \"just\", which makes a hard thing sound easy; leave that word out.",
        ]
    );
    let (mended, left) = rules.repair_plan(draft, Stage::Novice, &exists, &Project::empty());
    assert_eq!(left, []);
    assert_eq!(
        mended.phases[1].description,
        "Run it, and say what you expect."
    );
    assert_eq!(
        mended.phases[2].memory_connection.as_deref(),
        Some("You did the like.")
    );
}
