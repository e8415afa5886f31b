//! all-MiniLM-L6-v2, run by candle in this process: 384 dimensions, mean pooling over the tokens that
//! count, unit length; texts are cut at 256 tokens as the reference does.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

use crate::embedder::{EmbedError, Embedder, Source};
use crate::fetch::Pinned;

/// What vectors of this model are kept under.
pub(crate) const NAME: &str = "all-MiniLM-L6-v2";

/// The three files, as they are published.
pub(crate) const FILES: &[Pinned] = &[
    Pinned {
        name: "config.json",
        bytes: 612,
        sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    },
    Pinned {
        name: "tokenizer.json",
        bytes: 466_247,
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    Pinned {
        name: "model.safetensors",
        bytes: 90_868_376,
        sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    },
];

/// The reference cuts texts at so many tokens.
const MAX_TOKENS: usize = 256;

/// The model in a folder.
#[derive(Debug)]
pub(crate) struct MiniLm {
    pub(crate) folder: PathBuf,
}

struct Loaded {
    tokenizer: Tokenizer,
    model: BertModel,
}

impl Source for MiniLm {
    fn name(&self) -> &str {
        NAME
    }

    fn load(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        let lacking = FILES.iter().map(|file| self.folder.join(file.name));
        if let Some(path) = lacking.into_iter().find(|path| !path.is_file()) {
            return Err(EmbedError::Missing(format!(
                "The embedding model is not there: {} is missing. Put the three files of {NAME} into that folder.",
                path.display()
            )));
        }
        match load(&self.folder) {
            Ok(loaded) => Ok(Box::new(loaded)),
            Err(detail) => Err(EmbedError::Broken(format!(
                "The embedding model in {} cannot be used ({detail}). Replace its files by those of {NAME}.",
                self.folder.display()
            ))),
        }
    }
}

type Fault = Box<dyn std::error::Error + Send + Sync>;

fn load(folder: &Path) -> Result<Loaded, Fault> {
    let config: Config = serde_json::from_slice(&fs::read(folder.join("config.json"))?)?;
    let mut tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))?;
    // The file pads everything to 128 tokens and cuts there.
    tokenizer.with_truncation(Some(TruncationParams {
        max_length: MAX_TOKENS,
        ..TruncationParams::default()
    }))?;
    tokenizer.with_padding(Some(PaddingParams::default()));
    // Read and not mapped into memory: a mapped file that another program changes would be unsound.
    let weights = fs::read(folder.join("model.safetensors"))?;
    let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
    let model = BertModel::load(weights, &config)?;
    Ok(Loaded { tokenizer, model })
}

impl Embedder for Loaded {
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        self.run(texts)
            .map_err(|fault| format!("The embedding model failed ({fault})."))
    }
}

impl Loaded {
    fn run(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Fault> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let encodings = self.tokenizer.encode_batch(texts.to_vec(), true)?;
        let width = encodings.first().map_or(0, |first| first.get_ids().len());
        let tensor = |part: fn(&tokenizers::Encoding) -> &[u32]| {
            let flat: Vec<u32> = encodings.iter().flat_map(part).copied().collect();
            Tensor::from_vec(flat, (encodings.len(), width), &Device::Cpu)
        };
        let ids = tensor(tokenizers::Encoding::get_ids)?;
        let mask = tensor(tokenizers::Encoding::get_attention_mask)?;
        let states = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
        let sums = states.broadcast_mul(&mask)?.sum(1)?;
        let means = sums.broadcast_div(&mask.sum(1)?)?;
        let lengths = means.sqr()?.sum_keepdim(1)?.sqrt()?;
        Ok(means.broadcast_div(&lengths)?.to_vec2()?)
    }
}
