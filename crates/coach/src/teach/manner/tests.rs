use super::*;
use crate::Config;

#[test]
fn a_question_or_an_action_asks() {
    let rules = Config::default().teach;
    for text in [
        "Which of them sees it first?",
        "Put a print here.",
        "Two places read this. Compare them.",
        "Before you run it, predict the value.",
        "1. Run the test",
        "Here it is decided: then trace the value.",
        "The list is kept; now print it.",
        "Two steps:\n\n* set a breakpoint",
        "Look at `items`.",
    ] {
        assert!(rules.asks(text), "{text}");
    }
    for text in [
        "",
        "The list is shared by both calls.",
        "This is where the total is made. It runs once for each article.",
        "Look-alikes are not rare.",
        "It reads `a ? b : c`.",
        "`print` writes a line.",
        "The test finds it.",
    ] {
        assert!(!rules.asks(text), "{text}");
    }
}

#[test]
fn vain_words_are_found_in_prose_alone_and_dropped() {
    let rules = Config::default().teach;
    for (text, word, without) in [
        ("Simply copy the value.", "simply", "Copy the value."),
        ("You just need one.", "just", "You need one."),
        (
            "Obviously, the list is shared.",
            "obviously",
            "The list is shared.",
        ),
        (
            "It is shared, obviously. Why?",
            "obviously",
            "It is shared. Why?",
        ),
        ("Just run `just test`.", "just", "Run `just test`."),
        ("(Just) look.", "just", "Look."),
        ("One.\nsimply\nTwo.", "simply", "One.\n\nTwo."),
    ] {
        assert_eq!(rules.said_in_vain(text), Some(word), "{text}");
        let dropped = rules.without_vain_words(text);
        assert_eq!(rules.said_in_vain(&dropped), None, "{dropped}");
        assert_eq!(dropped, without);
    }
    for text in [
        "Run `just test`.",
        "An adjustment",
        "```sh\njust simply\n```",
        "",
    ] {
        assert_eq!(rules.said_in_vain(text), None, "{text}");
        assert_eq!(rules.without_vain_words(text), text);
    }
}

#[test]
fn a_question_is_added_within_the_words_that_are_allowed() {
    let rules = Config::default().teach;
    for most in [20, 60] {
        let long = "One two three four. ".repeat(20);
        let asked = rules.with_a_question(&long, Some(most));
        assert!(words(&asked) <= most && rules.asks(&asked), "{asked}");
    }
    assert_eq!(
        rules.with_a_question("It is shared.", None),
        "It is shared. What do you expect to see here?"
    );
}
