//! One setting's text in, its value or the reason out. No reason shows a text that may hold a secret.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use paige_protocol::process::Secret;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::layers::home;
use super::{EmbeddingModel, LogFormat};

/// The folder, canonical, and the same as text.
pub(super) fn project_dir(text: &str) -> Result<(PathBuf, String), String> {
    let path = home(text)?;
    let real = path.canonicalize().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            format!("{text:?} does not exist. Make the folder, or name the one that you mean.")
        } else {
            format!("{text:?} cannot be opened: {error}. Name a folder that you may read.")
        }
    })?;
    if !real.is_dir() {
        return Err(format!(
            "{text:?} is not a folder. Name the folder of the project."
        ));
    }
    let name = real.to_str().map(str::to_owned);
    name.map(|name| (real, name))
        .ok_or_else(|| "its real path is not UTF-8. Rename the folder.".to_owned())
}

pub(super) fn api_key(text: &str) -> Result<Secret, String> {
    // It becomes the value of a header.
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Secret::new(text))
    } else {
        Err("it holds spaces or characters that no key has. Copy it again.".to_owned())
    }
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number from 0 to 65535. 0 takes any free port."))
}

/// 127.0.0.1 and ::1 stand for both.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().map_err(|_| {
        format!("{text:?} is not an IP address. Leave HOST away for 127.0.0.1 and [::1].")
    })
}

/// Whether everybody may come in.
pub(super) fn is_open(text: &str) -> Result<bool, String> {
    match text {
        "token" => Ok(false),
        "none" => Ok(true),
        _ => Err(format!("{text:?} is neither token nor none.")),
    }
}

pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a whole number, or too large. Write digits only."))
}

/// A sum of US dollars above nothing.
pub(super) fn dollars(text: &str) -> Result<f64, String> {
    let sum = text.trim_start_matches('$').parse::<f64>().ok();
    sum.filter(|sum| sum.is_finite() && *sum > 0.0).ok_or_else(|| {
        format!("{text:?} is not a sum of US dollars above 0. Write it like 1.50, or leave it away for no bound.")
    })
}

/// A folder that is there, canonical.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    project_dir(text).map(|(path, _)| path)
}

pub(super) fn embedding_model(text: &str) -> Result<EmbeddingModel, String> {
    match text {
        "none" => Ok(EmbeddingModel::None),
        text => folder(text).map(EmbeddingModel::In),
    }
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false.")),
    }
}

/// A URL of one of these schemes. It is not shown when wrong: there may be a password in it.
pub(super) fn url(text: &str, schemes: &[&str]) -> Result<String, String> {
    let uri = text.parse::<http::Uri>().ok();
    let good = uri.is_some_and(|uri| {
        uri.scheme_str()
            .is_some_and(|scheme| schemes.contains(&scheme))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    if good {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        let starts: Vec<_> = schemes
            .iter()
            .map(|scheme| format!("{scheme}://"))
            .collect();
        Err(format!(
            "it is not a URL that starts with {} and names a host. Correct it or leave it away.",
            starts.join(" or ")
        ))
    }
}

pub(super) fn model_mapping(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mapping: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
        format!(
            "it is not a JSON object of texts ({error}). Write it like {{\"haiku\": \"MODEL-ID\"}}."
        )
    })?;
    match mapping
        .iter()
        .find(|(alias, model)| alias.trim().is_empty() || model.trim().is_empty())
    {
        Some((alias, _)) => Err(format!(
            "the model of {alias:?} is empty. Write it like {{\"haiku\": \"MODEL-ID\"}}."
        )),
        None => Ok(mapping),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{text:?} is neither text nor json.")),
    }
}

/// A plain level is meant for our own parts; libraries are never louder than asked, nor than `warn`
/// unless it is `debug` or `trace`.
pub(super) fn log_filter(text: &str) -> Result<Targets, String> {
    if let Ok(level) = text.parse::<LevelFilter>() {
        return Ok(own(level));
    }
    // `Targets` would take a word that is no level for the name of a part.
    let parts_named = text
        .split(',')
        .all(|part| part.contains('=') || part.parse::<LevelFilter>().is_ok());
    text.parse::<Targets>().ok().filter(|_| parts_named).ok_or_else(|| {
        format!("{text:?} is not a level. Use off, error, warn, info, debug or trace, or parts such as warn,paige_store=debug.")
    })
}

pub(super) fn default_log_filter() -> Targets {
    own(LevelFilter::INFO)
}

fn own(level: LevelFilter) -> Targets {
    let libraries = if level > LevelFilter::INFO {
        level
    } else {
        level.min(LevelFilter::WARN)
    };
    Targets::new()
        .with_default(libraries)
        .with_target("paige", level)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels() {
        let table = [
            ("info", "paige_store", Level::INFO, true),
            ("info", "paige_sidecar::serve", Level::DEBUG, false),
            ("info", "hyper", Level::INFO, false),
            ("info", "hyper", Level::WARN, true),
            ("error", "hyper", Level::WARN, false),
            ("trace", "hyper", Level::TRACE, true),
            ("off", "paige_store", Level::ERROR, false),
            ("warn,paige_store=debug", "paige_store", Level::DEBUG, true),
            ("warn,paige_store=debug", "paige_coach", Level::INFO, false),
        ];
        for (text, target, level, expected) in table {
            assert_eq!(
                log_filter(text).unwrap().would_enable(target, &level),
                expected,
                "{text} {target} {level}"
            );
        }
    }
}
