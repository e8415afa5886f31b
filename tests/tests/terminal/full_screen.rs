//! The injector in a program that takes the whole screen.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use paige_pty::{Config, Outcome, Prompts, Size};
use paige_tests::Person;
use paige_tests::sidecar::PATIENCE;
use paige_tests::terminal::command;

/// Longer than what counts as quiet here.
const A_WHILE: Duration = Duration::from_millis(900);

fn start() -> Result<Person> {
    let config = Config {
        quiet: Duration::from_millis(300),
        still: Duration::from_millis(400),
        prompts: Prompts::line("^say> $")?,
        ..Config::default()
    };
    let program = env!("CARGO_BIN_EXE_full_screen");
    let mut person = Person::start(&command(Path::new("/"), &[program], &[]), config)?;
    person.until_screen("say>")?;
    Ok(person)
}

#[test]
fn a_nudge_is_pasted_and_sent_whole() -> Result<()> {
    let mut person = start()?;
    let line = r#"[PAIGE_OBSERVER] {"signal":"wrong_file","file":"größe/世界.rs"}"#;
    person.nudge(line, PATIENCE)?;
    assert!(matches!(person.outcome()?, Outcome::Typed(_)));
    person.until_screen(&format!("sent <{line}>"))
}

#[test]
fn a_half_typed_line_of_any_script_is_kept() -> Result<()> {
    let mut person = start()?;
    person.types("grö");
    person.until_screen("say> grö")?;
    person.nudge("nudge", PATIENCE)?;
    person.never_screen("nudge", A_WHILE)?;
    // A character in pieces, and one taken back.
    for byte in "世x".as_bytes() {
        person.session().type_in(&[*byte]);
    }
    person.types("\x7f!\r");
    person.until_screen("sent <grö世!>")?;
    assert!(matches!(person.outcome()?, Outcome::Typed(_)));
    person.until_screen("sent <nudge>")
}

#[test]
fn a_pasted_text_of_several_lines_is_a_half_typed_line() -> Result<()> {
    let mut person = start()?;
    person.types("\x1b[200~one\rtwo\x1b[201~");
    person.nudge("nudge", PATIENCE)?;
    person.never_screen("nudge", A_WHILE)?;
    person.types("\r");
    assert!(matches!(person.outcome()?, Outcome::Typed(_)));
    person.until_screen("sent <nudge>")
}

#[test]
fn nothing_is_typed_while_it_works_or_asks() -> Result<()> {
    let mut person = start()?;
    for say in ["work", "ask"] {
        person.types(&format!("{say}\r"));
        person.until("its state", |person| !person.screen().contains("say>"))?;
        person.nudge(&format!("nudge after {say}"), PATIENCE)?;
        person.never_screen(&format!("nudge after {say}"), A_WHILE)?;
        person.types("\r");
        assert!(matches!(person.outcome()?, Outcome::Typed(_)), "{say}");
        person.until_screen(&format!("sent <nudge after {say}>\nsay>"))?;
    }
    Ok(())
}

#[test]
fn a_nudge_expires_while_it_waits() -> Result<()> {
    let mut person = start()?;
    person.types("half");
    person.nudge("nudge", Duration::from_millis(500))?;
    assert!(matches!(person.outcome()?, Outcome::Expired(_)));
    person.types("\r");
    person.never_screen("nudge", A_WHILE)?;
    person.until_screen("sent <half>")
}

#[test]
fn another_size_reaches_the_program_and_a_nudge_still_comes() -> Result<()> {
    let mut person = start()?;
    person.until_screen("40 lines of 120")?;
    person.session().resize(Size::new(12, 30))?;
    person.until_screen("12 lines of 30")?;
    // It wraps there.
    let line = "a nudge that is longer than one line of thirty";
    person.nudge(line, PATIENCE)?;
    assert!(matches!(person.outcome()?, Outcome::Typed(_)));
    person.until("it was sent", |person| {
        person
            .screen()
            .replace('\n', "")
            .contains(&format!("sent <{line}>"))
    })
}

#[test]
fn a_program_that_has_ended_takes_none() -> Result<()> {
    let mut person = start()?;
    person.types("quit\r");
    person.until_ended()?;
    person.nudge("nudge", Duration::from_millis(600))?;
    assert!(matches!(person.outcome()?, Outcome::Expired(_)));
    Ok(())
}
