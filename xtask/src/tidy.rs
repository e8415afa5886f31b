//! What a compiler cannot check: the floor plan, and the house rules about files and words.
//!
//! Every rule is a function over plain data, so that its own tests can feed it a made-up house and
//! see it refused.

mod floors;
mod manifests;
mod scenarios;
mod source;
mod text;
mod tokens;
mod words;

use std::path::Path;

use anyhow::Result;

use crate::project;

/// What the rules found.
#[derive(Debug, Default)]
struct Findings {
    /// Whole sentences, each beginning with its place.
    problems: Vec<String>,
    /// What is allowed but asks for attention.
    warnings: Vec<String>,
}

/// Applies every rule to the project.
pub(crate) fn check(root: &Path) -> Result<()> {
    let findings = inspect(root)?;
    for warning in &findings.warnings {
        crate::say(&format!("warning: {warning}"));
    }
    let problems = &findings.problems;
    if problems.is_empty() {
        return Ok(());
    }
    let counted = match problems.len() {
        1 => "1 thing is".to_owned(),
        n => format!("{n} things are"),
    };
    anyhow::bail!("{counted} not tidy:\n  {}", problems.join("\n  "))
}

fn inspect(root: &Path) -> Result<Findings> {
    let files = project::files(root)?;
    let mut findings = Findings {
        problems: floors::problems(&floors::House::read(root)?),
        warnings: Vec::new(),
    };
    findings.problems.extend(manifests::problems(&files));
    findings.problems.extend(source::problems(&files));
    findings.problems.extend(words::problems(&files));
    findings.problems.extend(text::problems(&files));
    findings.problems.extend(scenarios::problems(&files)?);
    findings.warnings = text::warnings(&files);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_project_is_tidy() {
        let findings = super::inspect(crate::project::root()).expect("the project can be read");
        assert_eq!(findings.problems, Vec::<String>::new());
    }
}
