//! What an answer used: [`Usage`], and the reports of the API that it is made of.

use serde::Deserialize;

/// The tokens that an attempt was billed for. `input_tokens` are those that came from no cache and
/// went into none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt outside the cache.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// Tokens written into the cache for five minutes.
    pub cache_write_5m_tokens: u32,
    /// Tokens written into the cache for an hour.
    pub cache_write_1h_tokens: u32,
    /// Tokens read from the cache.
    pub cache_read_tokens: u32,
}

impl Usage {
    /// All tokens of the prompt: its length decides about the band of prices.
    pub fn prompt_tokens(&self) -> u64 {
        [
            self.input_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
            self.cache_read_tokens,
        ]
        .into_iter()
        .map(u64::from)
        .sum()
    }

    /// Both together: what a call used whose answer took several attempts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_write_5m_tokens: self
                .cache_write_5m_tokens
                .saturating_add(other.cache_write_5m_tokens),
            cache_write_1h_tokens: self
                .cache_write_1h_tokens
                .saturating_add(other.cache_write_1h_tokens),
            cache_read_tokens: self
                .cache_read_tokens
                .saturating_add(other.cache_read_tokens),
        }
    }
}

/// A usage object as the API sends it: whole in a JSON answer, and in a stream once in `message_start`
/// and again, with totals so far, in each `message_delta`. What it does not name is 0, `null` as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UsageReport {
    /// Tokens of the prompt outside the cache.
    pub input_tokens: Option<u32>,
    /// Tokens of the answer so far.
    pub output_tokens: Option<u32>,
    /// Tokens written into the cache, however long they stay there.
    pub cache_creation_input_tokens: Option<u32>,
    /// Tokens read from the cache.
    pub cache_read_input_tokens: Option<u32>,
    /// What was written into the cache, by the time that it stays there.
    pub cache_creation: Option<CacheCreation>,
    /// What the server's own tools did.
    pub server_tool_use: Option<ServerToolUse>,
}

/// What was written into the cache, by the time that it stays there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CacheCreation {
    /// For five minutes.
    pub ephemeral_5m_input_tokens: Option<u32>,
    /// For an hour.
    pub ephemeral_1h_input_tokens: Option<u32>,
}

/// What the server's own tools did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerToolUse {
    /// How often the web was searched.
    pub web_search_requests: Option<u32>,
}

impl UsageReport {
    /// Takes in another report of the same message. Counts never shrink while a message grows, so the
    /// largest of each is the last, in whatever order and however often the reports come.
    pub fn merge(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.max(other.input_tokens);
        self.output_tokens = self.output_tokens.max(other.output_tokens);
        self.cache_creation_input_tokens = self
            .cache_creation_input_tokens
            .max(other.cache_creation_input_tokens);
        self.cache_read_input_tokens = self
            .cache_read_input_tokens
            .max(other.cache_read_input_tokens);
        if let Some(other) = &other.cache_creation {
            let own = self.cache_creation.get_or_insert_default();
            own.ephemeral_5m_input_tokens = own
                .ephemeral_5m_input_tokens
                .max(other.ephemeral_5m_input_tokens);
            own.ephemeral_1h_input_tokens = own
                .ephemeral_1h_input_tokens
                .max(other.ephemeral_1h_input_tokens);
        }
        if let Some(other) = &other.server_tool_use {
            let own = self.server_tool_use.get_or_insert_default();
            own.web_search_requests = own.web_search_requests.max(other.web_search_requests);
        }
    }

    /// The tokens that are billed. Cache writes whose time is not told count as those of five minutes,
    /// the default of the API.
    pub fn usage(&self) -> Usage {
        let cache = self.cache_creation.unwrap_or_default();
        let hour = cache.ephemeral_1h_input_tokens.unwrap_or(0);
        let minutes = cache.ephemeral_5m_input_tokens.unwrap_or(0);
        let all = self.cache_creation_input_tokens.unwrap_or(0);
        Usage {
            input_tokens: self.input_tokens.unwrap_or(0),
            output_tokens: self.output_tokens.unwrap_or(0),
            cache_write_5m_tokens: minutes.max(all.saturating_sub(hour)),
            cache_write_1h_tokens: hour,
            cache_read_tokens: self.cache_read_input_tokens.unwrap_or(0),
        }
    }

    /// How often the web was searched.
    pub fn web_searches(&self) -> u32 {
        self.server_tool_use
            .and_then(|tools| tools.web_search_requests)
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(reports: &[UsageReport]) -> UsageReport {
        let mut whole = UsageReport::default();
        for report in reports {
            whole.merge(report);
        }
        whole
    }

    /// The reports of one message: counts that grow, some of them left out.
    fn reports() -> impl Strategy<Value = Vec<UsageReport>> {
        let step = prop::array::uniform7(prop::option::of(0..5000u32));
        prop::collection::vec(step, 1..6).prop_map(|steps| {
            let mut totals = [0; 7];
            let report = |step: [Option<u32>; 7]| {
                let mut seen = [None; 7];
                for ((total, step), seen) in totals.iter_mut().zip(step).zip(&mut seen) {
                    *total += step.unwrap_or(0);
                    *seen = step.map(|_| *total);
                }
                UsageReport {
                    input_tokens: seen[0],
                    output_tokens: seen[1],
                    cache_creation_input_tokens: seen[2],
                    cache_read_input_tokens: seen[3],
                    cache_creation: (seen[4].is_some() || seen[5].is_some()).then_some(
                        CacheCreation {
                            ephemeral_5m_input_tokens: seen[4],
                            ephemeral_1h_input_tokens: seen[5],
                        },
                    ),
                    server_tool_use: seen[6].map(|n| ServerToolUse {
                        web_search_requests: Some(n),
                    }),
                }
            };
            steps.into_iter().map(report).collect()
        })
    }

    proptest! {
        #[test]
        fn duplicates_and_another_order_give_the_same_total(
            (own, other) in reports().prop_flat_map(|own| {
                let twice: Vec<_> = own.iter().chain(&own).copied().collect();
                // All of them, some of them twice, in any order.
                let extra = prop::sample::subsequence(own.clone(), 0..=own.len());
                let other = extra.prop_map({ let own = own.clone(); move |extra| {
                    own.iter().chain(&extra).copied().collect::<Vec<_>>()
                }});
                (Just(own), prop_oneof![Just(twice), other].prop_shuffle())
            })
        ) {
            prop_assert_eq!(merged(&own), merged(&other));
            prop_assert_eq!(merged(&own).usage(), merged(&other).usage());
        }

        #[test]
        fn the_total_is_the_last_count_that_was_told(reports in reports()) {
            let last = reports.iter().rev().find_map(|report| report.output_tokens);
            prop_assert_eq!(merged(&reports).usage().output_tokens, last.unwrap_or(0));
        }
    }

    #[test]
    fn cache_writes_are_told_apart_by_the_time_that_they_stay() {
        let usage = |text: &str| {
            let report: UsageReport = serde_json::from_str(text).unwrap();
            let usage = report.usage();
            (usage.cache_write_5m_tokens, usage.cache_write_1h_tokens)
        };
        assert_eq!(usage(r#"{"cache_creation_input_tokens": 9}"#), (9, 0));
        let both = r#"{"cache_creation_input_tokens": 9, "cache_creation":
            {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 7}}"#;
        assert_eq!(usage(both), (2, 7));
        assert_eq!(usage(r#"{"cache_creation": null, "new_field": 1}"#), (0, 0));
    }
}
