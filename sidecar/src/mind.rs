//! What the coach thinks with, opened from its settings.

use std::sync::Arc;

use paige_claude::Client;
use paige_coach::{Ledger, Mind};
use paige_memory::Memory;
use paige_store::Store;

use crate::config::{self, EmbeddingModel};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};

/// Opens models, memories and prompts. Neither the network nor the embedding model is touched.
///
/// # Errors
/// [`Exit::Database`] for the ledger and the memories, [`Exit::Configuration`] for the rest.
pub(crate) async fn open(
    data: &DataDir,
    settings: &config::Mind,
    store: Store,
) -> Result<Mind, Failure> {
    let ledger = Ledger::open(store, settings.budgets)
        .await
        .map_err(|error| Failure::new(Exit::Database, error.to_string()))?;
    Ok(Mind {
        claude: client(settings, Arc::new(ledger))?,
        memory: open_memory(data, settings).await?,
        prompts: Arc::new(settings.prompts.clone()),
    })
}

/// A client of the models alone.
///
/// # Errors
/// [`Exit::Configuration`].
pub(crate) fn client(
    settings: &config::Mind,
    ledger: Arc<dyn paige_claude::Ledger>,
) -> Result<Client, Failure> {
    let usual = paige_claude::Config::default();
    Client::new(
        paige_claude::Config {
            api_key: settings.api_key.clone(),
            base_url: settings.base_url.clone().unwrap_or(usual.base_url),
            models: settings.models.clone(),
            mapping: settings.model_mapping.clone(),
            ..paige_claude::Config::default()
        },
        ledger,
    )
    .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))
}

/// Opens the memories alone.
///
/// # Errors
/// [`Exit::Database`].
pub(crate) async fn open_memory(
    data: &DataDir,
    settings: &config::Mind,
) -> Result<Memory, Failure> {
    let config = paige_memory::Config {
        chroma_url: settings.chromadb_url.clone(),
        model_dir: match &settings.embedding_model {
            EmbeddingModel::In(folder) => Some(folder.clone()),
            EmbeddingModel::Fetched | EmbeddingModel::None => None,
        },
        download: settings.embedding_model == EmbeddingModel::Fetched,
        ..paige_memory::Config::default()
    };
    Memory::open(&data.memory(), config)
        .await
        .map_err(|error| Failure::new(Exit::Database, error.to_string()))
}
