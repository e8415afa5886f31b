//! The MCP conformance suite against the built sidecar.

use std::{
    collections::BTreeSet,
    fmt, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::{Scene, Step, npm::Package};
use crate::{run::Run, say};

/// Every protocol version that the suite knows, in each version of the suite.
pub(super) const STEP: Step = Step {
    name: "conformance",
    about: "the built sidecar passes what applies to it of the MCP conformance suite",
    run: check,
};

/// The npm package that holds the suite.
const SUITE: &str = "tests/conformance";
/// What does not apply, with a reason each.
const EXCLUSIONS: &str = "tests/conformance-exclusions.txt";

/// The versions of the suite, by their names in the npm package, and the protocol versions that
/// each knows.
const RUNS: [(&str, &[&str]); 2] = [
    ("conformance-2025", &["2025-06-18", "2025-11-25"]),
    (
        "conformance-2026",
        &["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"],
    ),
];

/// What applies to every server that has tools: it must be run, and cannot be excluded.
const APPLIES: [(&str, &[&str]); 2] = [
    (
        "2025-11-25",
        &[
            "server-initialize",
            "ping",
            "tools-list",
            "server-sse-multiple-streams",
            "dns-rebinding-protection",
            "server-session-lifecycle",
        ],
    ),
    (
        "2026-07-28",
        &[
            "server-stateless",
            "tools-list",
            "server-sse-multiple-streams",
            "dns-rebinding-protection",
            "caching",
            "http-header-validation",
        ],
    ),
];

/// A scenario that was run.
#[derive(Debug)]
struct Outcome {
    version: &'static str,
    scenario: String,
    checks: Vec<Check>,
}

/// A check of a scenario, as the suite writes it down.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    id: String,
    status: String,
    error_message: Option<String>,
}

impl Check {
    fn has_failed(&self) -> bool {
        self.status == "FAILURE"
    }
}

/// A line of the list of what does not apply.
#[derive(Debug, Clone, PartialEq)]
struct Exclusion {
    scenario: String,
    check: Option<String>,
}

impl Exclusion {
    fn is_of(&self, outcome: &Outcome, check: &Check) -> bool {
        self.scenario == outcome.scenario && self.check.as_ref().is_none_or(|id| *id == check.id)
    }
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scenario)?;
        match &self.check {
            Some(check) => write!(f, "/{check}"),
            None => Ok(()),
        }
    }
}

fn check(scene: &Scene) -> Result<()> {
    let Some(package) = Package::install_from(scene, SUITE, "conformance")? else {
        return Ok(());
    };
    let text = fs::read_to_string(scene.root.join(EXCLUSIONS))?;
    let exclusions = exclusions(&text)?;
    let folder = scene.target.join("conformance");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let sidecar = Sidecar::start(&scene.sidecar()?, &folder)?;
    let mut outcomes = Vec::new();
    for (suite, versions) in RUNS {
        for version in versions {
            let results = folder.join(suite).join(version);
            let run = Run::program("node")
                .args(["--import", "./older-node.mjs"])
                .args([format!("node_modules/{suite}/dist/index.js")])
                .args(["server", "--suite", "all", "--spec-version", version])
                .args(["--url", &sidecar.url])
                .args([Path::new("--output-dir"), &results])
                .folder(package.folder());
            // It ends badly when anything fails; what did is in the results.
            let command = run.to_string();
            run.works();
            let told = read(&results, version)
                .with_context(|| format!("no results of `{command}`; run it to see why"))?;
            say(&format!(
                "{suite}, {version}: scenarios run: {}",
                told.len()
            ));
            outcomes.extend(told);
        }
    }
    let faults = judge(&outcomes, &exclusions);
    ensure!(faults.is_empty(), "\n  {}", faults.join("\n  "));
    Ok(())
}

/// Reads the list of what does not apply.
fn exclusions(text: &str) -> Result<Vec<Exclusion>> {
    let mut list = Vec::new();
    for line in text.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (what, reason) = line.split_once(": ").unwrap_or((line, ""));
        ensure!(!reason.trim().is_empty(), "`{what}` has no reason");
        let exclusion = match what.split_once('/') {
            Some((scenario, check)) => Exclusion {
                scenario: scenario.to_owned(),
                check: Some(check.to_owned()),
            },
            None => Exclusion {
                scenario: what.to_owned(),
                check: None,
            },
        };
        ensure!(!list.contains(&exclusion), "`{what}` stands there twice");
        list.push(exclusion);
    }
    Ok(list)
}

/// Reads what the suite has written: a folder `server-SCENARIO-TIME` for each scenario.
fn read(results: &Path, version: &'static str) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for entry in fs::read_dir(results)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let scenario = scenario(&name).with_context(|| format!("`{name}` names no scenario"))?;
        let checks = fs::read(entry.path().join("checks.json"))?;
        outcomes.push(Outcome {
            version,
            scenario: scenario.to_owned(),
            checks: serde_json::from_slice(&checks)?,
        });
    }
    ensure!(!outcomes.is_empty(), "no scenario was run");
    Ok(outcomes)
}

fn scenario(folder: &str) -> Option<&str> {
    let rest = folder.strip_prefix("server-")?;
    rest.get(..rest.len().checked_sub("-2026-01-31T12-00-00-000Z".len())?)
}

/// What is wrong, as sentences.
fn judge(outcomes: &[Outcome], exclusions: &[Exclusion]) -> Vec<String> {
    let mut faults = BTreeSet::new();
    for outcome in outcomes {
        for check in outcome.checks.iter().filter(|check| check.has_failed()) {
            if !exclusions.iter().any(|one| one.is_of(outcome, check)) {
                faults.insert(format!(
                    "{} fails `{}` in {}: {}",
                    outcome.version,
                    check.id,
                    outcome.scenario,
                    check
                        .error_message
                        .as_deref()
                        .unwrap_or("it does not say why"),
                ));
            }
        }
    }
    for exclusion in exclusions {
        let mut checks = outcomes
            .iter()
            .flat_map(|outcome| outcome.checks.iter().map(move |check| (outcome, check)))
            .filter(|(outcome, check)| exclusion.is_of(outcome, check))
            .peekable();
        if checks.peek().is_none() {
            faults.insert(format!("`{exclusion}` is excluded, but no longer exists"));
        } else if !checks.any(|(_, check)| check.has_failed()) {
            faults.insert(format!("`{exclusion}` is excluded, but passes"));
        }
    }
    for (version, scenarios) in APPLIES {
        for scenario in scenarios {
            let is_it =
                |outcome: &&Outcome| outcome.version == version && outcome.scenario == *scenario;
            let mut passed = outcomes
                .iter()
                .filter(is_it)
                .flat_map(|outcome| &outcome.checks)
                .filter(|check| check.status == "SUCCESS");
            if passed.next().is_none() {
                faults.insert(format!("{version} passes no check of {scenario}"));
            }
            if exclusions
                .iter()
                .any(|one| one.check.is_none() && one.scenario == *scenario)
            {
                faults.insert(format!("{scenario} applies and cannot be excluded"));
            }
        }
    }
    faults.into_iter().collect()
}

/// A sidecar on an empty project, without authentication: the suite cannot send a token.
struct Sidecar {
    process: Child,
    url: String,
}

impl Sidecar {
    fn start(program: &Path, folder: &Path) -> Result<Self> {
        let (project, data) = (folder.join("project"), folder.join("data"));
        fs::create_dir_all(&project)?;
        fs::create_dir_all(&data)?;
        // The suite sends the server's own address as origin, so that it must be known before.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let origin = format!("http://127.0.0.1:{port}");
        let log = fs::File::create(folder.join("sidecar.log"))?;
        let mut process = Command::new(program)
            .args(["--auth", "none", "--offline"])
            .args(["--port", &port.to_string(), "--allowed-origins", &origin])
            .args([Path::new("--project-dir"), &project])
            .args([Path::new("--data-dir"), &data])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = process.stdout.take().context("its output is piped")?;
        let sidecar = Self {
            process,
            url: format!("{origin}/mcp"),
        };
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready)?;
        if !ready.contains(r#""event":"ready""#) {
            bail!("the sidecar does not start; see {}", folder.display());
        }
        Ok(sidecar)
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // It has nothing that is worth a clean stop, and may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(version: &'static str, scenario: &str, checks: &[(&str, &str)]) -> Outcome {
        let check = |(id, status): &(&str, &str)| Check {
            id: (*id).to_owned(),
            status: (*status).to_owned(),
            error_message: None,
        };
        Outcome {
            version,
            scenario: scenario.to_owned(),
            checks: checks.iter().map(check).collect(),
        }
    }

    /// All that applies, passed.
    fn passed() -> Vec<Outcome> {
        let all = |(version, scenarios): (&'static str, &'static [&'static str])| {
            let one = move |scenario: &&str| outcome(version, scenario, &[("c", "SUCCESS")]);
            scenarios.iter().map(one).collect::<Vec<_>>()
        };
        APPLIES.into_iter().flat_map(all).collect()
    }

    #[test]
    fn what_fails_must_be_excluded_and_what_is_excluded_must_fail() {
        let check = |more: Vec<Outcome>, list: &str, expected: &[&str]| {
            let mut outcomes = passed();
            outcomes.extend(more);
            let list = exclusions(list).expect("a list");
            assert_eq!(judge(&outcomes, &list), expected);
        };
        let fails = || {
            vec![outcome(
                "2025-11-25",
                "s",
                &[("a", "FAILURE"), ("b", "SUCCESS")],
            )]
        };
        check(vec![], "", &[]);
        check(
            fails(),
            "",
            &["2025-11-25 fails `a` in s: it does not say why"],
        );
        check(fails(), "s: because", &[]);
        check(fails(), "s/a: because", &[]);
        check(
            fails(),
            "s/b: because",
            &[
                "2025-11-25 fails `a` in s: it does not say why",
                "`s/b` is excluded, but passes",
            ],
        );
        check(
            vec![],
            "s: because",
            &["`s` is excluded, but no longer exists"],
        );
        check(
            vec![outcome("2025-11-25", "ping", &[("x", "FAILURE")])],
            "ping: because",
            &["ping applies and cannot be excluded"],
        );
        check(
            vec![outcome("2025-11-25", "ping", &[("x", "FAILURE")])],
            "ping/x: because",
            &[],
        );
    }

    #[test]
    fn what_applies_must_have_been_run() {
        let mut outcomes = passed();
        outcomes.retain(|outcome| outcome.scenario != "caching");
        assert_eq!(
            judge(&outcomes, &[]),
            ["2026-07-28 passes no check of caching"]
        );
    }

    #[test]
    fn a_scenario_is_read_from_the_name_of_its_folder() {
        let check = |folder, expected| assert_eq!(scenario(folder), expected);
        check("server-ping-2026-11-21T04-42-37-489Z", Some("ping"));
        check(
            "server-server-initialize-2026-11-21T04-42-37-489Z",
            Some("server-initialize"),
        );
        check("server-x", None);
        check("client-ping-2026-11-21T04-42-37-489Z", None);
    }

    #[test]
    fn an_exclusion_has_a_reason() {
        assert!(exclusions("# none\n\ns: because\n").is_ok());
        for wrong in ["s", "s:", "s: ", "s: a\ns: b"] {
            assert!(exclusions(wrong).is_err(), "{wrong}");
        }
    }
}
