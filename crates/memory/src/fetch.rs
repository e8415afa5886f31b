//! [`Fetch`]: the files of a model, downloaded once, each to a side file that takes its name only
//! when its SHA-256 is the pinned one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Response};
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How long the server may take to answer, and to send the next bytes.
const SILENCE: Duration = Duration::from_secs(30);

/// A file as it must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pinned {
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    /// In small hexadecimal digits.
    pub(crate) sha256: &'static str,
}

/// What is fetched from where to where.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// Ends in a slash.
    pub(crate) from: String,
    pub(crate) folder: PathBuf,
    pub(crate) files: &'static [Pinned],
}

impl Fetch {
    /// Bytes of all files.
    pub(crate) fn total(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Fetches what is not there or not right; `told` hears how many bytes are here, now and then.
    ///
    /// # Errors
    /// Sentences that say what to do.
    pub(crate) async fn run(&self, told: impl Fn(u64)) -> Result<(), String> {
        let disk = |error: io::Error| {
            format!(
                "The embedding model cannot be stored in {} ({error}). Make room there and see that the folder can be written.",
                self.folder.display()
            )
        };
        fs::create_dir_all(&self.folder).await.map_err(disk)?;
        let client = Client::builder()
            .https_only(self.from.starts_with("https:"))
            .connect_timeout(SILENCE)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| self.unreachable(&error))?;
        let mut before = 0;
        for file in self.files {
            let path = self.folder.join(file.name);
            if !is_right(&path, file).await.map_err(disk)? {
                let response = self.ask(&client, file).await?;
                let partial = self.folder.join(format!("{}.partial", file.name));
                let kept = self
                    .keep(response, file, &partial, |n| told(before + n))
                    .await;
                if let Err(message) = kept {
                    // A side file that cannot be removed is overwritten the next time.
                    let _ = fs::remove_file(&partial).await;
                    return Err(message);
                }
                fs::rename(&partial, &path).await.map_err(disk)?;
            }
            before += file.bytes;
            told(before);
        }
        Ok(())
    }

    async fn ask(&self, client: &Client, file: &Pinned) -> Result<Response, String> {
        let url = format!("{}{}", self.from, file.name);
        let response = client.get(url).send().await;
        response
            .and_then(Response::error_for_status)
            .map_err(|error| self.unreachable(&error))
    }

    /// Writes what comes to `partial` and to the disk, and compares it with what was pinned.
    async fn keep(
        &self,
        mut response: Response,
        file: &Pinned,
        partial: &Path,
        told: impl Fn(u64),
    ) -> Result<(), String> {
        let disk = |error: io::Error| {
            format!(
                "The embedding model cannot be stored in {} ({error}). Make room there and see that the folder can be written.",
                partial.display()
            )
        };
        let mut out = File::create(partial).await.map_err(disk)?;
        let (mut hash, mut received, mut last) = (Sha256::new(), 0, 0);
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            received += chunk.len() as u64;
            if received > file.bytes {
                return Err(self.wrong(file));
            }
            hash.update(&chunk);
            out.write_all(&chunk).await.map_err(disk)?;
            if received - last >= 1 << 20 {
                last = received;
                told(received);
            }
        }
        if hex(&hash.finalize()) != file.sha256 {
            return Err(self.wrong(file));
        }
        out.flush().await.map_err(disk)?;
        out.sync_all().await.map_err(disk)
    }

    fn wrong(&self, file: &Pinned) -> String {
        format!(
            "What {} sends as {} is not the file that Paige knows (its SHA-256 differs), so it was not kept. Get the file from elsewhere and name its folder as the model's.",
            self.from, file.name
        )
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        let mut detail = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(next) = cause {
            detail = next.to_string();
            cause = next.source();
        }
        format!(
            "The embedding model cannot be downloaded from {} ({detail}). Check the network, or get the model by other ways and name its folder.",
            self.from
        )
    }
}

/// Whether the file is there and as it was pinned.
async fn is_right(path: &Path, file: &Pinned) -> io::Result<bool> {
    match fs::metadata(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
        Ok(found) if found.len() != file.bytes => return Ok(false),
        Ok(_) => {}
    }
    let (mut input, mut hash) = (File::open(path).await?, Sha256::new());
    let mut part = vec![0; 1 << 20];
    loop {
        match input.read(&mut part).await? {
            0 => return Ok(hex(&hash.finalize()) == file.sha256),
            n => hash.update(&part[..n]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
