use paige_store::coach::Stage;
use proptest::prelude::*;

use super::*;
use crate::Config;

const STAGES: &[Stage] = Stage::ALL;
const KINDS: [Text; 7] = [
    Text::HoverText,
    Text::Message,
    Text::PhaseDescription,
    Text::PhaseField,
    Text::Explanation,
    Text::KataHint,
    Text::Review,
];

/// So many lines of code with so many holes.
fn code(lines: u32, holes: u32) -> String {
    let line = |n| {
        if n < holes {
            format!("value_{n} = ___\n")
        } else {
            format!("value_{n} = load({n})\n")
        }
    };
    format!(
        "Look:\n\n```python\n{}```\n",
        (0..lines).map(line).collect::<String>()
    )
}

/// The longest code that passes, with as many holes as lines.
fn longest(stage: Stage, rung: u8, solution_file: bool) -> u32 {
    let rules = Config::default().teach;
    let place = Place {
        stage,
        rung,
        solution_file,
    };
    let passes = |lines: &u32| {
        let text = code(*lines, *lines);
        let result = rules.check(&text, Text::Explanation, place, &Project::empty());
        if let Err(error) = &result {
            let sentence = error.to_string();
            assert!(
                sentence.ends_with('.') && sentence.matches(". ").count() == 0,
                "{sentence}"
            );
        }
        result.is_ok()
    };
    let longest = (0..9)
        .take_while(passes)
        .last()
        .expect("no code always passes");
    assert!(
        !(longest + 1..9).any(|lines| passes(&lines)),
        "{stage} {rung}"
    );
    longest
}

#[test]
fn the_longest_code_is_that_of_the_table() {
    // Rows are rungs, columns are stages (coaching.md §1).
    let table = [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [1, 1, 1, 1, 1],
        [3, 2, 1, 1, 1],
        [5, 4, 3, 2, 0],
    ];
    for (rung, row) in (0..).zip(table) {
        for (stage, lines) in STAGES.iter().copied().zip(row) {
            assert_eq!(longest(stage, rung, false), lines, "{stage}, rung {rung}");
        }
    }
}

#[test]
fn a_novice_sees_less_of_the_solutions_file() {
    for (stage, lines) in STAGES.iter().copied().zip([1, 2, 1, 1, 1]) {
        assert_eq!(longest(stage, 3, true), lines, "{stage}");
    }
    assert_eq!(longest(Stage::Novice, 2, true), 1);
}

#[test]
fn a_sketch_needs_the_holes_of_the_table() {
    let rules = Config::default().teach;
    // Stage, lines, fewest holes.
    for (stage, lines, holes) in [
        (Stage::Novice, 5, 2),
        (Stage::Novice, 4, 2),
        // So much may be shown on the rung before.
        (Stage::Novice, 3, 0),
        (Stage::AdvancedBeginner, 4, 2),
        (Stage::AdvancedBeginner, 3, 2),
        (Stage::AdvancedBeginner, 2, 0),
        (Stage::Competent, 3, 1),
        (Stage::Competent, 2, 1),
        (Stage::Competent, 1, 0),
        (Stage::Proficient, 2, 0),
    ] {
        let place = Place {
            stage,
            rung: 4,
            solution_file: false,
        };
        for given in 0..=lines {
            let result = rules.check(
                &code(lines, given),
                Text::KataHint,
                place,
                &Project::empty(),
            );
            assert_eq!(
                result.is_ok(),
                given >= holes,
                "{stage}, {lines} lines, {given} holes: {result:?}"
            );
        }
    }
    let place = Place {
        stage: Stage::Novice,
        rung: 4,
        solution_file: true,
    };
    let result = rules.check(&code(2, 0), Text::KataHint, place, &Project::empty());
    assert!(
        matches!(result, Err(Violation::TooFewHoles { wanted: 2, .. })),
        "{result:?}"
    );
}

#[test]
fn words_are_those_of_the_table() {
    let rules = Config::default().teach;
    let place = Place {
        stage: Stage::Expert,
        rung: 0,
        solution_file: false,
    };
    for (kind, most) in
        KINDS
            .into_iter()
            .zip([Some(60), Some(120), Some(150), None, None, None, None])
    {
        let check =
            |words: usize| rules.check(&"why ".repeat(words), kind, place, &Project::empty());
        let Some(most) = most else {
            assert_eq!(check(1000), Ok(()), "{kind:?}");
            continue;
        };
        assert_eq!(check(most), Ok(()), "{kind:?}");
        let error = check(most + 1).expect_err("too many words");
        assert!(
            error.to_string().contains(&format!(
                "has {} words and may have at most {most}",
                most + 1
            )),
            "{error}"
        );
        // Nor does it help to leave the blanks out.
        let long = "why".repeat(most * 14);
        assert!(
            rules.check(&long, kind, place, &Project::empty()).is_err(),
            "{kind:?}"
        );
    }
}

#[test]
fn a_refusal_says_what_to_write_instead() {
    let rules = Config::default().teach;
    let place = Place {
        stage: Stage::Novice,
        rung: 3,
        solution_file: true,
    };
    let error = rules
        .check(&code(4, 0), Text::HoverText, place, &Project::empty())
        .expect_err("too much");
    expect_test::expect![[r#"This hover text shows 4 lines of code in one piece, and a novice may see at most 1 line on rung 3 in a file where the solution belongs; write it again as a question or as what to notice, and quote only code that stands in the project already."#]]
        .assert_eq(&error.to_string());
    let place = Place {
        stage: Stage::Competent,
        rung: 4,
        solution_file: false,
    };
    let error = rules
        .check(&code(3, 0), Text::Message, place, &Project::empty())
        .expect_err("no hole");
    expect_test::expect![[r#"This sketch has 0 holes, and one of 3 lines for a competent learner needs 1 hole; put `___` where the learner is to think, or make it shorter."#]]
        .assert_eq(&error.to_string());
}

#[test]
fn cutting_keeps_what_is_prose() {
    let rules = Config::default().teach;
    let cut = |text: &str, kind| {
        let place = Place {
            stage: Stage::Novice,
            rung: 2,
            solution_file: false,
        };
        rules.cut_to_prose(text, kind, place, &Project::empty())
    };
    assert_eq!(cut("What do you see?", Text::Message), "What do you see?");
    assert_eq!(
        cut(
            "Look at the loop.\n\n```js\na(1);\nb(2);\n```\n\nWhat is missing?",
            Text::Message
        ),
        "Look at the loop.\n\nWhat is missing?"
    );
    assert_eq!(
        cut(
            "Look at the loop in there.\na(1);\nb(2);\nWhat is still missing?",
            Text::Message
        ),
        "Look at the loop in there.\nWhat is still missing?"
    );
    assert_eq!(
        cut("Have a look and write `a = 1; b = 2` there.", Text::Message),
        "Have a look and write … there."
    );
    let long = format!("One is this. Two is that. {}", "why ".repeat(200));
    assert_eq!(cut(&long, Text::HoverText), "One is this. Two is that.");
    let endless = "why ".repeat(61);
    assert_eq!(
        cut(&endless, Text::HoverText),
        format!("{}…", "why ".repeat(60).trim_end())
    );
    assert_eq!(
        cut("```js\na(1);\nb(2);\n```", Text::Message),
        "Look at this place again: what did you expect, and what happens?"
    );
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("```".to_owned()),
        Just("```js".to_owned()),
        Just("~~~".to_owned()),
        Just("    ".to_owned()),
        Just("> ".to_owned()),
        Just("- ".to_owned()),
        Just("`".to_owned()),
        Just("``".to_owned()),
        Just("let a = f(1);".to_owned()),
        Just("def f(x):".to_owned()),
        Just("    return x + 1".to_owned()),
        Just("if (a) {".to_owned()),
        Just("}".to_owned()),
        Just("else {".to_owned()),
        Just("foo(".to_owned()),
        Just("a, b".to_owned()),
        Just(")".to_owned()),
        Just("// TODO".to_owned()),
        Just("___".to_owned()),
        Just("`x = 1; y = 2`".to_owned()),
        Just("Look at the loop and say what you see.".to_owned()),
        Just("Why?".to_owned()),
        Just("ä…\u{2028}\r".to_owned()),
        "\\PC{0,12}",
    ];
    let end = prop_oneof![Just("\n"), Just("\n\n"), Just(" "), Just("")];
    proptest::collection::vec((piece, end), 0..24).prop_map(|pieces| {
        pieces
            .into_iter()
            .flat_map(|(piece, end)| [piece, end.to_owned()])
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_was_cut_passes(
        text in prop_oneof![pieces(), any::<String>()],
        stage in proptest::sample::select(STAGES),
        rung in 0..=4_u8,
        kind in proptest::sample::select(&KINDS[..]),
        solution_file: bool,
    ) {
        let rules = Config::default().teach;
        let place = Place { stage, rung, solution_file };
        let cut = rules.cut_to_prose(&text, kind, place, &Project::empty());
        let result = rules.check(&cut, kind, place, &Project::empty());
        prop_assert!(result.is_ok(), "{result:?} of {cut:?}");
        prop_assert!(!cut.trim().is_empty());
    }
}
