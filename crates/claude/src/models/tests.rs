//! What models cost, and which files are refused.

use super::*;

const MILLION: Usage = Usage {
    input_tokens: 100_000,
    output_tokens: 1_000_000,
    cache_write_5m_tokens: 0,
    cache_write_1h_tokens: 0,
    cache_read_tokens: 0,
};

#[track_caller]
fn costs(model: &str, usage: Usage, dollars: f64) {
    let cost = Models::default().cost(model, &usage).expect("a price");
    assert!(
        (cost - dollars).abs() < 1e-9,
        "{model}: {cost}, not {dollars}"
    );
}

#[test]
fn tiers_stand_for_models_and_can_be_overridden() {
    let models = Models::default();
    let resolved = |overrides| Tier::ALL.map(|tier| models.resolve(tier, &overrides));
    assert_eq!(
        resolved(BTreeMap::new()),
        [
            "claude-haiku-4-5-20251001",
            "claude-opus-4-6",
            "claude-opus-4-6"
        ]
    );
    let own = BTreeMap::from([("sonnet".to_owned(), "claude-sonnet-4-6".to_owned())]);
    assert_eq!(resolved(own)[1], "claude-sonnet-4-6");
}

#[test]
fn every_tier_stands_for_a_model_with_a_price() {
    let models = Models::default();
    for tier in Tier::ALL {
        let model = models.get(&models.tiers()[&tier]).expect("known");
        assert!(model.price.is_some() && model.structured_output, "{tier}");
    }
}

#[test]
fn every_kind_of_token_has_its_price() {
    costs("claude-haiku-4-5-20251001", MILLION, 0.1 + 5.0);
    costs("claude-opus-4-6", MILLION, 0.5 + 25.0);
    let cached = Usage {
        input_tokens: 1000,
        output_tokens: 100,
        cache_write_5m_tokens: 2000,
        cache_write_1h_tokens: 3000,
        cache_read_tokens: 4000,
    };
    costs(
        "claude-opus-4-6",
        cached,
        (1000.0 * 5.0 + 100.0 * 25.0 + 2000.0 * 6.25 + 3000.0 * 10.0 + 4000.0 * 0.5) / 1e6,
    );
}

#[test]
fn long_prompts_have_a_band_of_their_own_and_the_cache_counts() {
    let prompt = |input_tokens, cache_read_tokens| Usage {
        input_tokens,
        cache_read_tokens,
        ..Usage::default()
    };
    costs("claude-sonnet-4-5-20250929", prompt(200_000, 0), 0.6);
    costs("claude-sonnet-4-5-20250929", prompt(200_001, 0), 1.200_006);
    costs(
        "claude-sonnet-4-5-20250929",
        prompt(100_000, 100_001),
        0.6 + 0.060_000_6,
    );
    costs("claude-haiku-4-5-20251001", prompt(300_000, 0), 0.3);
}

#[test]
fn an_unknown_model_is_unpriced_not_free() {
    let models = Models::default();
    assert_eq!(models.cost("llama", &MILLION), None);
    assert_eq!(models.worst_case("llama", 1, 1, 0), None);
    let unpriced = "[[model]]\nid = \"llama\"\ntier = \"haiku\"\nreleased = \"2026-01-01\"\ncontext_window = 8192\n\
        max_output = 4096\nstructured_output = false\nforced_tool_choice = false\nweb_search = false\n";
    let models = Models::parse(unpriced).expect("a price may be missing");
    assert_eq!(models.cost("llama", &MILLION), None);
    assert_eq!(models.all().len(), Models::default().all().len() + 1);
}

#[test]
fn the_worst_case_takes_the_dearest_price_of_a_prompt() {
    let worst = Models::default()
        .worst_case("claude-opus-4-6", 1000, 4096, 2)
        .expect("a price");
    assert!((worst - (1000.0 * 6.25 + 4096.0 * 25.0) / 1e6 - 0.02).abs() < 1e-9);
}

#[test]
fn faults_are_named_all_at_once() {
    let model = |id: &str, rest: &str| {
        format!(
            "[[model]]\nid = \"{id}\"\ntier = \"haiku\"\nreleased = \"2026-01-01\"\ncontext_window = 1\nmax_output = 1\n\
             structured_output = true\nforced_tool_choice = true\nweb_search = true\n[model.price]\n{rest}"
        )
    };
    let band = |limit: &str, input: f64| {
        format!(
            "[[model.price.band]]\n{limit}\ninput = {input:?}\noutput = 1\ncache_write_5m = 1\ncache_write_1h = 1\ncache_read = 1\n"
        )
    };
    let text = [
        "[tiers]\nopus = \"\"\n".to_owned(),
        model(
            "a",
            &format!(
                "valid_from = \"soon\"\nsource = \"s\"\n{}",
                band("up_to_tokens = 5", 1.0)
            ),
        ),
        model(
            "b",
            &format!(
                "valid_from = \"2026-01-01\"\nsource = \"s\"\n{}",
                band("", -1.0)
            ),
        ),
        model(
            "b",
            &format!(
                "valid_from = \"2026-01-01\"\nsource = \"s\"\n{}",
                band("", -1.0)
            ),
        ),
    ]
    .concat();
    let problems = Models::parse(&text).expect_err("it is refused");
    let names: Vec<&str> = problems
        .iter()
        .map(|problem| problem.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "model.b",
            "tiers.opus",
            "model.a.released",
            "model.a.price",
            "model.b.price"
        ]
    );
    let problems = Models::parse("[tiers]\npoem = 1").expect_err("it is refused");
    assert!(problems[0].message.contains("line 2"), "{problems:?}");
}
