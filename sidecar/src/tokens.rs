//! The tokens (blueprint §4): made once, kept over restarts, rotated by command, or brought by a shell.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use paige_protocol::process::{RendezvousTokens, Secret, Tokens, TokensLine};

use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};

/// The fewest characters of a token. 32 random bytes are 43 in base64url and 64 in hex.
const SHORTEST: usize = 43;
/// The most characters of a token: it must fit into one header with room to spare.
const LONGEST: usize = 256;

/// The kept tokens; those that are missing or unusable are made anew, and said so.
///
/// # Errors
/// [`Exit::Internal`] when they cannot be read, written or made.
pub(crate) fn load_or_create(data: &DataDir) -> Result<Tokens, Failure> {
    let ui = fs::read_to_string(data.ui_token())
        .ok()
        .map(|text| Secret::new(text.trim()))
        .filter(is_usable);
    let tools = fs::read(data.tool_tokens())
        .ok()
        .and_then(|bytes| serde_json::from_slice::<RendezvousTokens>(&bytes).ok())
        .filter(|tools| is_usable(&tools.mcp) && is_usable(&tools.hook));
    if let (Some(ui), Some(tools)) = (&ui, &tools) {
        keep_private(&data.ui_token());
        keep_private(&data.tool_tokens());
        return Ok(Tokens {
            ui: ui.clone(),
            mcp: tools.mcp.clone(),
            hook: tools.hook.clone(),
        });
    }
    let fresh = generate()?;
    let tokens = match tools {
        Some(tools) => Tokens {
            ui: ui.unwrap_or(fresh.ui),
            mcp: tools.mcp,
            hook: tools.hook,
        },
        None => Tokens {
            ui: ui.unwrap_or(fresh.ui),
            ..fresh
        },
    };
    let replaced = data.ui_token().exists() || data.tool_tokens().exists();
    save(data, &tokens)?;
    if replaced {
        tracing::warn!(path = %data.root().display(), "Tokens were missing or unusable and have been replaced. Give clients that had them the new ones; `paige-sidecar tokens` shows them.");
    } else {
        tracing::info!(path = %data.root().display(), "Made the tokens.");
    }
    Ok(tokens)
}

/// Makes new tokens and keeps them. Only for who holds the lock: a live sidecar would go on with the old.
///
/// # Errors
/// [`Exit::Internal`] when they cannot be written or made.
pub(crate) fn rotate(data: &DataDir) -> Result<Tokens, Failure> {
    let tokens = generate()?;
    save(data, &tokens)?;
    Ok(tokens)
}

/// The tokens in the line that a shell sent.
///
/// # Errors
/// [`Exit::Tokens`]: never with a part of the line in the message.
pub(crate) fn parse_line(line: &str) -> Result<Tokens, Failure> {
    let wrong = |what: &str| {
        Failure::new(
            Exit::Tokens,
            format!(
                "--tokens-stdin: {what}. Send one line {{\"tokens\":{{\"ui\":\"…\",\"mcp\":\"…\",\"hook\":\"…\"}}}} \
                 with three different tokens of {SHORTEST} to {LONGEST} letters, digits, - or _."
            ),
        )
    };
    let tokens = serde_json::from_str::<TokensLine>(line)
        .map_err(|_| wrong("the first line of stdin is not the JSON object that is expected"))?
        .tokens;
    for (scope, token) in [
        ("ui", &tokens.ui),
        ("mcp", &tokens.mcp),
        ("hook", &tokens.hook),
    ] {
        if !is_usable(token) {
            return Err(wrong(&format!(
                "the {scope} token is too short, too long or has other characters"
            )));
        }
    }
    if tokens.ui == tokens.mcp || tokens.ui == tokens.hook || tokens.mcp == tokens.hook {
        return Err(wrong("two tokens are the same"));
    }
    Ok(tokens)
}

fn is_usable(token: &Secret) -> bool {
    let text = token.expose();
    (SHORTEST..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn generate() -> Result<Tokens, Failure> {
    Ok(Tokens {
        ui: random()?,
        mcp: random()?,
        hook: random()?,
    })
}

fn random() -> Result<Secret, Failure> {
    random_hex::<32>().map(Secret::new)
}

/// `N` random bytes of the operating system, as `2 N` hex digits.
///
/// # Errors
/// [`Exit::Internal`] when the operating system has none to give.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Failure> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal("The operating system gave no random numbers", error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn save(data: &DataDir, tokens: &Tokens) -> Result<(), Failure> {
    let tools = RendezvousTokens {
        mcp: tokens.mcp.clone(),
        hook: tokens.hook.clone(),
    };
    let written = serde_json::to_string(&tools)
        .map_err(std::io::Error::from)
        .and_then(|tools| write_durable(&data.tool_tokens(), &tools))
        .and_then(|()| write_durable(&data.ui_token(), &format!("{}\n", tokens.ui.expose())));
    written.map_err(|error| {
        let root = data.root().display();
        Failure::new(
            Exit::Configuration,
            format!("DATA_DIR (--data-dir): the tokens cannot be written to {root}: {error}. Make room there, or name another folder."),
        )
    })
}

/// Like `write_private`, and on the disk when it returns: clients keep these over a power cut.
fn write_durable(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

fn keep_private(path: &Path) {
    if fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0) {
        match fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
            Ok(()) => {
                tracing::warn!(path = %path.display(), "Other users could read this file of tokens; now they cannot. `paige-sidecar tokens --rotate` makes new ones.")
            }
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "Other users can read this file of tokens.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_dir() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::new(folder.path().to_owned());
        (folder, data)
    }

    #[test]
    fn are_kept_private_and_the_same_over_restarts() {
        let (_folder, data) = data_dir();
        let first = load_or_create(&data).unwrap();
        for path in [data.ui_token(), data.tool_tokens()] {
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600,
                "{path:?}"
            );
        }
        assert_eq!(first.ui.expose().len(), 64);
        fs::set_permissions(data.ui_token(), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(load_or_create(&data).unwrap(), first);
        assert_eq!(
            fs::metadata(data.ui_token()).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::read_to_string(data.ui_token()).unwrap().trim(),
            first.ui.expose()
        );
        assert!(
            !fs::read_to_string(data.tool_tokens())
                .unwrap()
                .contains(first.ui.expose())
        );
    }

    #[test]
    fn a_damaged_file_makes_only_its_own_tokens_new() {
        let (_folder, data) = data_dir();
        let first = load_or_create(&data).unwrap();
        fs::write(data.ui_token(), "\n").unwrap();
        let second = load_or_create(&data).unwrap();
        assert_eq!((&second.mcp, &second.hook), (&first.mcp, &first.hook));
        assert_ne!(second.ui, first.ui);
        fs::write(data.tool_tokens(), r#"{"mcp":"","hook":""}"#).unwrap();
        let third = load_or_create(&data).unwrap();
        assert_eq!(third.ui, second.ui);
        assert!(is_usable(&third.mcp) && is_usable(&third.hook));
    }

    #[test]
    fn rotation_makes_all_of_them_new() {
        let (_folder, data) = data_dir();
        let old = load_or_create(&data).unwrap();
        let new = rotate(&data).unwrap();
        assert!(old.ui != new.ui && old.mcp != new.mcp && old.hook != new.hook);
        assert_eq!(load_or_create(&data).unwrap(), new);
    }

    #[test]
    fn the_line_of_a_shell_is_judged() {
        let (ui, mcp, hook) = ("u".repeat(43), "m".repeat(64), "h".repeat(256));
        let line = |ui: &str, mcp: &str, hook: &str| {
            format!(r#"{{"tokens":{{"ui":"{ui}","mcp":"{mcp}","hook":"{hook}"}}}}"#)
        };
        let good = parse_line(&line(&ui, &mcp, &hook)).unwrap();
        assert_eq!(
            (good.ui.expose(), good.mcp.expose(), good.hook.expose()),
            (&*ui, &*mcp, &*hook)
        );
        let refused = [
            (String::new(), "is not the JSON object"),
            ("{}".to_owned(), "is not the JSON object"),
            (
                line(&"secret".repeat(7), &mcp, &hook),
                "the ui token is too short",
            ),
            (
                line(&ui, &"m".repeat(257), &hook),
                "the mcp token is too short, too long",
            ),
            (line(&ui, &mcp, &"h h".repeat(20)), "the hook token"),
            (line(&ui, &ui, &hook), "two tokens are the same"),
        ];
        for (line, expected) in refused {
            let failure = parse_line(&line).unwrap_err();
            assert_eq!(failure.exit, Exit::Tokens);
            assert!(failure.message.contains(expected), "{expected}: {failure}");
            assert!(!failure.message.contains("secret"), "{failure}");
        }
    }
}
