//! `install-plugin` and `uninstall-plugin`: Paige in the settings of Claude Code for one project.
//!
//! The settings are changed as a text, so that order, spaces and comments of all else stay, and by the pen,
//! which alone changes files of a project. What was put in is written down in the data directory; that, and
//! nothing else, is taken back.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use paige_pen::{Base, Pen};
use paige_protocol::{ProjectPath, Version};
use serde::{Deserialize, Serialize};

use super::live::project;
use crate::cli::Settings;
use crate::config;
use crate::data_dir::{DataDir, write_private};
use crate::exit::{Exit, Failure, print, tell};

/// The settings of one person for one project, which Claude Code keeps out of git.
const FILE: &str = ".claude/settings.local.json";
/// The tools that write: without them Claude cannot even try (brainstorm, "Read-Only Enforcement").
const DENIED: [&str; 4] = ["Write", "Edit", "MultiEdit", "NotebookEdit"];
/// The plugin, as `enabledPlugins` names it: plugin and marketplace.
const PLUGIN: &str = "paige@paige";
const MARKETPLACE: &str = "paige";
/// Where the marketplace file is when no folder is named.
const REPOSITORY: &str = "paige-coach/paige";

/// What was put into the settings of a project, in the order in which it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Added {
    /// Names of tools in `permissions.deny`.
    deny: Vec<String>,
    /// Whether the marketplace was not there.
    marketplace: bool,
    /// Whether the plugin was not named at all.
    plugin: bool,
    /// Whether it was named and off.
    switched_on: bool,
    /// Objects and lists that were not there, the inner ones first.
    containers: Vec<String>,
    /// Whether the file was not there.
    file: bool,
}

/// Turns the plugin on in the project, after it has shown what changes.
///
/// # Errors
/// [`Exit::Refused`] when the settings cannot be understood or changed, [`Exit::Usage`] when nobody is there
/// to be asked.
pub(crate) fn install(settings: &Settings, from: Option<&Path>, yes: bool) -> Result<(), Failure> {
    let data = config::data_dir(settings)?;
    let scene = Scene::open(settings, &data)?;
    let (source, place) = match from {
        Some(folder) => {
            let folder = folder
                .canonicalize()
                .ok()
                .filter(|folder| folder.join(".claude-plugin/marketplace.json").is_file())
                .and_then(|folder| folder.to_str().map(str::to_owned))
                .ok_or_else(|| {
                    Failure::new(
                        Exit::Refused,
                        format!(
                            "--from: {} has no .claude-plugin/marketplace.json. Name the root of Paige's repository.",
                            folder.display()
                        ),
                    )
                })?;
            (
                [("source", "directory".to_owned()), ("path", folder.clone())],
                folder,
            )
        }
        None => (
            [
                ("source", "github".to_owned()),
                ("repo", REPOSITORY.to_owned()),
            ],
            REPOSITORY.to_owned(),
        ),
    };
    let (text, added) = put(scene.before.as_deref(), &source).ok_or_else(|| scene.unusable())?;
    if added == Added::default() {
        print(&format!("{} has all of it already.", scene.shown()));
        return Ok(());
    }
    let mut lines = Vec::new();
    if !added.deny.is_empty() {
        lines.push(format!("+ permissions.deny: {}", added.deny.join(", ")));
    }
    if added.marketplace {
        lines.push(format!("+ extraKnownMarketplaces.{MARKETPLACE}: {place}"));
    }
    if added.plugin || added.switched_on {
        lines.push(format!("+ enabledPlugins.\"{PLUGIN}\": true"));
    }
    if !scene.is_wanted(&lines, yes)? {
        return Ok(());
    }
    // First, so that what a kill leaves half done can be taken back.
    let mut kept = Kept::read(&data);
    kept.add(&scene.project, added);
    kept.write(&data)?;
    scene.write(&text)?;
    print(&format!(
        "Paige is on in {}. Start Claude Code there and trust the folder; or fetch the plugin at once with\n  claude plugin marketplace add {place} && claude plugin install {PLUGIN} --scope local",
        scene.project
    ));
    Ok(())
}

/// Takes back what [`install`] has put in.
///
/// # Errors
/// As of [`install`], and [`Exit::Refused`] when nothing is written down for the project.
pub(crate) fn uninstall(settings: &Settings, yes: bool) -> Result<(), Failure> {
    let data = config::data_dir(settings)?;
    let scene = Scene::open(settings, &data)?;
    let mut kept = Kept::read(&data);
    let Some(added) = kept.0.remove(&scene.project) else {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "Nothing of Paige was put into {} from this data directory. What is there you can take out of it yourself.",
                scene.shown()
            ),
        ));
    };
    if let Some(before) = &scene.before {
        let (text, lines) = take(before, &added).ok_or_else(|| scene.unusable())?;
        if !lines.is_empty() && !scene.is_wanted(&lines, yes)? {
            return Ok(());
        }
        if added.file && text.split_whitespace().collect::<String>() == "{}" {
            let path = scene.path()?;
            scene.pen.delete(&path).map_err(|error| refused(&error))?;
        } else {
            scene.write(&text)?;
        }
    }
    kept.write(&data)?;
    print(&format!("Paige is off in {}.", scene.project));
    Ok(())
}

/// The settings with what is missing put in, and what that was; `None` when they are no settings.
fn put(before: Option<&str>, source: &[(&str, String)]) -> Option<(String, Added)> {
    let root = parsed(before.unwrap_or("{}\n"))?;
    let top = root.object_value_or_create()?;
    let mut added = Added {
        file: before.is_none(),
        ..Added::default()
    };
    let mut made = Vec::new();
    let permissions = object(&top, "permissions", &mut made)?;
    if permissions.get("deny").is_none() {
        made.push("permissions.deny".to_owned());
    }
    let deny = permissions.array_value_or_create("deny")?;
    for tool in DENIED {
        let has = deny.elements().iter().any(|element| is(element, tool));
        if !has {
            deny.append(CstInputValue::String(tool.to_owned()));
            added.deny.push(tool.to_owned());
        }
    }
    let markets = object(&top, "extraKnownMarketplaces", &mut made)?;
    if markets.get(MARKETPLACE).is_none() {
        let fields = source
            .iter()
            .map(|(name, value)| ((*name).to_owned(), CstInputValue::String(value.clone())))
            .collect();
        let source = ("source".to_owned(), CstInputValue::Object(fields));
        markets.append(MARKETPLACE, CstInputValue::Object(vec![source]));
        added.marketplace = true;
    }
    let plugins = object(&top, "enabledPlugins", &mut made)?;
    match plugins.get(PLUGIN) {
        None => {
            plugins.append(PLUGIN, CstInputValue::Bool(true));
            added.plugin = true;
        }
        Some(found) => {
            let on = found.value()?.as_boolean_lit()?;
            if !on.value() {
                on.set_value(true);
                added.switched_on = true;
            }
        }
    }
    made.reverse();
    added.containers = made;
    if added.deny.is_empty() && !added.marketplace && !added.plugin && !added.switched_on {
        return Some((root.to_string(), Added::default()));
    }
    Some((root.to_string(), added))
}

/// The settings without what was put in, as far as it is there still, and what that is.
fn take(before: &str, added: &Added) -> Option<(String, Vec<String>)> {
    let root = parsed(before)?;
    let top = root.object_value()?;
    let mut lines = Vec::new();
    let permissions = top.object_value("permissions");
    if let Some(deny) = permissions.and_then(|object| object.array_value("deny")) {
        for tool in &added.deny {
            if let Some(found) = deny
                .elements()
                .into_iter()
                .find(|element| is(element, tool))
            {
                found.remove();
                lines.push(format!("- permissions.deny: {tool}"));
            }
        }
    }
    if added.marketplace
        && let Some(found) = top
            .object_value("extraKnownMarketplaces")
            .and_then(|markets| markets.get(MARKETPLACE))
    {
        found.remove();
        lines.push(format!("- extraKnownMarketplaces.{MARKETPLACE}"));
    }
    if let Some(found) = top
        .object_value("enabledPlugins")
        .and_then(|plugins| plugins.get(PLUGIN))
    {
        if added.plugin {
            found.remove();
            lines.push(format!("- enabledPlugins.\"{PLUGIN}\""));
        } else if added.switched_on {
            found.set_value(CstInputValue::Bool(false));
            lines.push(format!("- enabledPlugins.\"{PLUGIN}\": true"));
        }
    }
    for path in &added.containers {
        let (folder, name) = match path.split_once('.') {
            Some((outer, name)) => (top.object_value(outer), name),
            None => (Some(top.clone()), path.as_str()),
        };
        let Some(found) = folder.and_then(|folder| folder.get(name)) else {
            continue;
        };
        let is_empty = match (found.object_value(), found.array_value()) {
            (Some(object), _) => object.properties().is_empty(),
            (_, Some(array)) => array.elements().is_empty(),
            _ => false,
        };
        if is_empty {
            found.remove();
        }
    }
    Some((root.to_string(), lines))
}

/// How the plugin stands in a project.
pub(super) enum Look {
    /// On, with the rule that Claude gets no tool that writes.
    On,
    /// Not on.
    Off,
    /// On, and these tools are not denied.
    Missing(Vec<&'static str>),
    /// The settings are none.
    Unreadable,
}

/// Looks at the settings of a project.
pub(super) fn look(project: &Path) -> Look {
    let Ok(text) = std::fs::read_to_string(project.join(FILE)) else {
        return Look::Off;
    };
    let Some(top) = parsed(&text).and_then(|root| root.object_value()) else {
        return Look::Unreadable;
    };
    let on = top
        .object_value("enabledPlugins")
        .and_then(|plugins| plugins.get(PLUGIN)?.value()?.as_boolean_lit())
        .is_some_and(|on| on.value());
    if !on {
        return Look::Off;
    }
    let denied = top
        .object_value("permissions")
        .and_then(|permissions| permissions.array_value("deny"))
        .map(|deny| deny.elements())
        .unwrap_or_default();
    let missing: Vec<_> = DENIED
        .into_iter()
        .filter(|tool| !denied.iter().any(|element| is(element, tool)))
        .collect();
    if missing.is_empty() {
        Look::On
    } else {
        Look::Missing(missing)
    }
}

fn parsed(text: &str) -> Option<CstRootNode> {
    CstRootNode::parse(text, &ParseOptions::default()).ok()
}

fn object(top: &CstObject, name: &str, made: &mut Vec<String>) -> Option<CstObject> {
    if top.get(name).is_none() {
        made.push(name.to_owned());
    }
    top.object_value_or_create(name)
}

fn is(element: &jsonc_parser::cst::CstNode, text: &str) -> bool {
    element
        .as_string_lit()
        .and_then(|literal| literal.decoded_value().ok())
        .is_some_and(|value| value == text)
}

/// What was put in, by project.
#[derive(Default)]
struct Kept(BTreeMap<String, Added>);

impl Kept {
    fn read(data: &DataDir) -> Self {
        let text = std::fs::read(data.plugins()).ok();
        Self(
            text.and_then(|text| serde_json::from_slice(&text).ok())
                .unwrap_or_default(),
        )
    }

    /// What an earlier call has put in stays written down.
    fn add(&mut self, project: &str, added: Added) {
        let all = self.0.entry(project.to_owned()).or_default();
        for tool in added.deny {
            if !all.deny.contains(&tool) {
                all.deny.push(tool);
            }
        }
        for made in added.containers {
            if !all.containers.contains(&made) {
                all.containers.push(made);
            }
        }
        all.marketplace |= added.marketplace;
        all.plugin |= added.plugin;
        all.switched_on |= added.switched_on;
        all.file |= added.file;
    }

    fn write(&self, data: &DataDir) -> Result<(), Failure> {
        data.create()?;
        let trouble = |error| Failure::internal("What was put in could not be written down", error);
        let text = serde_json::to_string(&self.0).map_err(|error| trouble(error.into()))?;
        write_private(&data.plugins(), &text).map_err(trouble)
    }
}

/// The settings of a project, as they are now.
struct Scene {
    project: String,
    pen: Pen,
    before: Option<String>,
}

impl Scene {
    fn open(settings: &Settings, data: &DataDir) -> Result<Self, Failure> {
        let folder = project(settings)?;
        let pen = Pen::open(&folder, &data.trash(), paige_pen::Config::default())
            .map_err(|error| refused(&error))?;
        let project = folder.to_string_lossy().into_owned();
        let before = match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) if text.trim().is_empty() => Some("{}\n".to_owned()),
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Failure::new(
                    Exit::Refused,
                    format!("{project}/{FILE} cannot be read: {error}. Nothing was changed."),
                ));
            }
        };
        Ok(Self {
            project,
            pen,
            before,
        })
    }

    fn shown(&self) -> String {
        format!("{}/{FILE}", self.project)
    }

    fn path(&self) -> Result<ProjectPath, Failure> {
        ProjectPath::parse(FILE).map_err(|error| refused(&error))
    }

    fn unusable(&self) -> Failure {
        Failure::new(
            Exit::Refused,
            format!(
                "{} is not what Claude Code's settings look like, and nothing was changed. Mend it, or move it away.",
                self.shown()
            ),
        )
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        let base = match &self.before {
            Some(before) => Base::Version(Version::of(before.as_bytes())),
            None => Base::Absent,
        };
        self.pen
            .save(&self.path()?, text.as_bytes(), &base)
            .map_err(|error| refused(&error))?;
        Ok(())
    }

    /// Shows what changes, and asks unless `yes`.
    fn is_wanted(&self, lines: &[String], yes: bool) -> Result<bool, Failure> {
        tell(&format!("{}\n  {}", self.shown(), lines.join("\n  ")));
        if yes {
            return Ok(true);
        }
        let input = io::stdin();
        if !input.is_terminal() {
            return Err(Failure::new(
                Exit::Usage,
                "This is no terminal to ask on, and nothing was changed. Add --yes if you are sure.",
            ));
        }
        let mut err = io::stderr();
        let _ = write!(err, "Change it? [y/N] ");
        let _ = err.flush();
        let mut answer = String::new();
        input
            .lock()
            .read_line(&mut answer)
            .map_err(|error| Failure::internal("The answer could not be read", error))?;
        let wanted = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        if !wanted {
            print("Nothing was changed.");
        }
        Ok(wanted)
    }
}

fn refused(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Refused, format!("{error} Nothing was changed."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: [(&str, &str); 2] = [("source", "github"), ("repo", "a/b")];

    fn installed(before: Option<&str>) -> (String, Added) {
        let source = SOURCE.map(|(name, value)| (name, value.to_owned()));
        put(before, &source).unwrap()
    }

    fn value(text: &str) -> serde_json::Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_is_put_in_is_what_is_taken_back() {
        for before in [
            "{}\n",
            r#"{"permissions": {"deny": ["Write", "Bash(rm:*)"], "allow": ["Read"]}, "model": "x"}"#,
            r#"{"enabledPlugins": {"paige@paige": false, "other@x": true}}"#,
            r#"{"z": 1, "permissions": {"allow": []}, "a": {"extraKnownMarketplaces": 2}}"#,
            r#"{"extraKnownMarketplaces": {"paige": {"source": {"source": "github", "repo": "mine/own"}}}}"#,
        ] {
            let (text, added) = installed(Some(before));
            let now = value(&text);
            let deny = now["permissions"]["deny"].as_array().unwrap();
            for tool in DENIED {
                let times = deny.iter().filter(|name| *name == tool).count();
                assert_eq!(times, 1, "{tool} in {text}");
            }
            assert_eq!(now["enabledPlugins"][PLUGIN], true);
            assert!(now["extraKnownMarketplaces"]["paige"]["source"]["repo"].is_string());
            assert_eq!(installed(Some(&text)).1, Added::default(), "nothing twice");
            let (after, lines) = take(&text, &added).unwrap();
            assert_eq!(value(&after), value(before), "{after}");
            assert!(!lines.is_empty());
        }
    }

    #[test]
    fn all_else_keeps_its_order_spaces_and_comments() {
        let before = "{\n  // mine\n  \"zebra\":   1,\n  \"apple\": [1,2 , 3]\n}\n";
        let (text, added) = installed(Some(before));
        assert!(
            text.starts_with("{\n  // mine\n  \"zebra\":   1,\n  \"apple\": [1,2 , 3]"),
            "{text}"
        );
        let (after, _) = take(&text, &added).unwrap();
        assert_eq!(after, before);
    }

    #[test]
    fn what_the_person_changed_since_stays() {
        let (text, added) = installed(None);
        assert!(added.file);
        let edited = text.replace("\"MultiEdit\"", "\"WebFetch\"");
        let (after, _) = take(&edited, &added).unwrap();
        assert_eq!(
            value(&after),
            serde_json::json!({"permissions": {"deny": ["WebFetch"]}})
        );
    }

    #[test]
    fn what_is_not_settings_is_left_alone() {
        for wrong in [
            "[]",
            "{",
            "{\"permissions\": 1}",
            "{\"enabledPlugins\": {\"paige@paige\": \"on\"}}",
        ] {
            let source = SOURCE.map(|(name, value)| (name, value.to_owned()));
            assert!(put(Some(wrong), &source).is_none(), "{wrong}");
        }
    }
}
