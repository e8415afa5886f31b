//! [`Models`]: which models there are, what they can do and what they cost, from `models.toml`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::{Problem, Usage};

/// The models and prices with their dates.
const EMBEDDED: &str = include_str!("../models.toml");

/// How capable, and how costly, a model is wanted. A tier is a name that stands for one model id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Small and fast: triage, filters, short texts.
    Haiku,
    /// For what needs thought: plans, reviews, explanations.
    Sonnet,
    /// The most capable.
    Opus,
}

impl Tier {
    /// All tiers, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Haiku, Self::Sonnet, Self::Opus];

    /// The name, as `models.toml` and `CLAUDE_MODEL_MAPPING` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Haiku => "haiku",
            Self::Sonnet => "sonnet",
            Self::Opus => "opus",
        }
    }

    /// The tier of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The known models, and what the tiers stand for. The default is the embedded `models.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Models {
    tiers: BTreeMap<Tier, String>,
    models: Vec<Model>,
    usd_per_1000_searches: f64,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its id on the wire.
    pub id: String,
    /// The tier that it belongs to; another tier may stand for it all the same.
    pub tier: Tier,
    /// When it was released, as `YYYY-MM-DD`.
    pub released: String,
    /// How many tokens prompt and answer may have together.
    pub context_window: u32,
    /// How many tokens an answer may have.
    pub max_output: u32,
    /// Whether it can be held to a schema (`output_config.format`).
    pub structured_output: bool,
    /// Whether it can be made to use a certain tool. Paige does not need it.
    pub forced_tool_choice: bool,
    /// Whether it can search the web.
    pub web_search: bool,
    /// What it costs; a model without a price is unpriced, never free.
    pub price: Option<Price>,
}

/// What a model costs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Since when, as `YYYY-MM-DD`.
    pub valid_from: String,
    /// Where the price is published.
    pub source: String,
    /// The bands, by growing length of the prompt; the last one has no limit.
    #[serde(rename = "band")]
    pub bands: Vec<Band>,
}

/// The prices for prompts of up to some length, in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// The longest prompt, in tokens; `None` for any.
    pub up_to_tokens: Option<u32>,
    /// Tokens of the prompt.
    pub input: f64,
    /// Tokens of the answer.
    pub output: f64,
    /// Tokens written into the cache for five minutes.
    pub cache_write_5m: f64,
    /// Tokens written into the cache for an hour.
    pub cache_write_1h: f64,
    /// Tokens read from the cache.
    pub cache_read: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    tiers: BTreeMap<Tier, String>,
    web_search: Option<WebSearch>,
    #[serde(default, rename = "model")]
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebSearch {
    usd_per_1000: f64,
}

impl Models {
    /// Reads a `models.toml` over the embedded one: its tiers and its models replace those of the same
    /// name; others stay.
    ///
    /// # Errors
    /// Every fault, each as a sentence; a text that is no TOML of this shape is one, with its line.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut whole = read(EMBEDDED)?;
        let own = read(text)?;
        whole.tiers.extend(own.tiers);
        whole.web_search = own.web_search.or(whole.web_search);
        let mut problems = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for model in &own.models {
            if seen.contains(&model.id.as_str()) {
                problems.push(Problem::new(
                    format!("model.{}", model.id),
                    format!(
                        "The model `{}` is described twice; remove one of them.",
                        model.id
                    ),
                ));
            }
            seen.push(&model.id);
        }
        for model in own.models {
            match whole.models.iter_mut().find(|known| known.id == model.id) {
                Some(known) => *known = model,
                None => whole.models.push(model),
            }
        }
        let models = Self {
            tiers: whole.tiers,
            models: whole.models,
            usd_per_1000_searches: whole.web_search.map_or(0.0, |search| search.usd_per_1000),
        };
        problems.extend(models.problems());
        if problems.is_empty() {
            Ok(models)
        } else {
            Err(problems)
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (tier, id) in &self.tiers {
            if id.trim().is_empty() {
                problems.push(Problem::new(
                    format!("tiers.{tier}"),
                    "The id of the model is empty; name a model.",
                ));
            }
        }
        if !is_price(self.usd_per_1000_searches) {
            problems.push(Problem::new(
                "web_search.usd_per_1000",
                "A price is 0 or more; correct it.",
            ));
        }
        for model in &self.models {
            let mut wrong = |field: &str, message: String| {
                problems.push(Problem::new(format!("model.{}.{field}", model.id), message));
            };
            if model.id.trim().is_empty() {
                wrong(
                    "id",
                    "A model has no id; name it as the API does.".to_owned(),
                );
            }
            if model.max_output == 0 || model.context_window == 0 {
                wrong("max_output", "A model reads and writes at least one token; correct context_window and max_output.".to_owned());
            }
            let dates = [
                Some(&model.released),
                model.price.as_ref().map(|price| &price.valid_from),
            ];
            for date in dates.into_iter().flatten().filter(|date| !is_date(date)) {
                wrong(
                    "released",
                    format!("A date is written YYYY-MM-DD, unlike `{date}`."),
                );
            }
            let Some(price) = &model.price else { continue };
            let limits: Vec<_> = price.bands.iter().map(|band| band.up_to_tokens).collect();
            let rising = limits.windows(2).all(|pair| match (pair[0], pair[1]) {
                (Some(lower), Some(upper)) => lower < upper,
                (Some(_), None) => true,
                (None, _) => false,
            });
            if !rising || limits.last() != Some(&None) {
                wrong("price", "The bands are to be listed by growing up_to_tokens, and the last one has none.".to_owned());
            }
            if !price.bands.iter().flat_map(Band::prices).all(is_price) {
                wrong("price", "A price is 0 or more; correct it.".to_owned());
            }
        }
        problems
    }

    /// The model id that a tier stands for: what `overrides` say, else the table.
    pub fn resolve(&self, tier: Tier, overrides: &BTreeMap<String, String>) -> String {
        overrides
            .get(tier.name())
            .or_else(|| self.tiers.get(&tier))
            .cloned()
            .unwrap_or_else(|| tier.name().to_owned())
    }

    /// What the tiers stand for, without overrides.
    pub fn tiers(&self) -> &BTreeMap<Tier, String> {
        &self.tiers
    }

    /// All known models, in the order of the file.
    pub fn all(&self) -> &[Model] {
        &self.models
    }

    /// The model of this id.
    pub fn get(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id == id)
    }

    /// What these tokens cost, in US dollars; `None` when the price of the model is not known.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<f64> {
        let band = self.price(model)?.band(usage.prompt_tokens());
        let dollars = f64::from(usage.input_tokens) * band.input
            + f64::from(usage.output_tokens) * band.output
            + f64::from(usage.cache_write_5m_tokens) * band.cache_write_5m
            + f64::from(usage.cache_write_1h_tokens) * band.cache_write_1h
            + f64::from(usage.cache_read_tokens) * band.cache_read;
        Some(dollars / 1e6)
    }

    /// The most that a request can cost whose prompt has this many tokens: all of them at the dearest
    /// price of a prompt (the client asks for caches of five minutes only), the longest answer, and
    /// every search of the web.
    pub fn worst_case(
        &self,
        model: &str,
        input_tokens: u32,
        max_tokens: u32,
        searches: u32,
    ) -> Option<f64> {
        let band = self.price(model)?.band(u64::from(input_tokens));
        let dearest = band.input.max(band.cache_write_5m);
        let tokens = f64::from(input_tokens) * dearest + f64::from(max_tokens) * band.output;
        Some(tokens / 1e6 + self.search_cost(searches))
    }

    /// What searching the web costs beside its tokens, in US dollars.
    pub fn search_cost(&self, searches: u32) -> f64 {
        f64::from(searches) * self.usd_per_1000_searches / 1000.0
    }

    fn price(&self, model: &str) -> Option<&Price> {
        self.get(model)?.price.as_ref()
    }
}

impl Default for Models {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "the embedded text is read by a test")]
        Self::parse("").expect("the embedded models.toml is right")
    }
}

impl Price {
    fn band(&self, prompt_tokens: u64) -> Band {
        let fits = |band: &&Band| {
            band.up_to_tokens
                .is_none_or(|limit| prompt_tokens <= u64::from(limit))
        };
        // `Models::parse` saw that the last band fits always.
        self.bands.iter().find(fits).copied().unwrap_or(Band::FREE)
    }
}

impl Band {
    const FREE: Self = Self {
        up_to_tokens: None,
        input: 0.0,
        output: 0.0,
        cache_write_5m: 0.0,
        cache_write_1h: 0.0,
        cache_read: 0.0,
    };

    fn prices(&self) -> [f64; 5] {
        [
            self.input,
            self.output,
            self.cache_write_5m,
            self.cache_write_1h,
            self.cache_read,
        ]
    }
}

fn read(text: &str) -> Result<File, Vec<Problem>> {
    toml::from_str(text).map_err(|error| vec![Problem::new("models.toml", error.to_string())])
}

fn is_price(price: f64) -> bool {
    price.is_finite() && price >= 0.0
}

fn is_date(text: &str) -> bool {
    let digit = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(digit)
}

#[cfg(test)]
mod tests;
