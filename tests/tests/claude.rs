//! The client of the Anthropic API against a fake that speaks its wire format, with a ledger
//! in memory; the real one where what it does at once matters.

#[path = "claude/book.rs"]
mod book;
#[path = "claude/budget.rs"]
mod budget;
#[path = "claude/fake.rs"]
mod fake;
#[path = "claude/faults.rs"]
mod faults;
#[path = "claude/ledger.rs"]
mod ledger;
#[path = "claude/prompts_try.rs"]
mod prompts_try;
#[path = "claude/search.rs"]
mod search;
#[path = "claude/stage.rs"]
mod stage;
#[path = "claude/story7.rs"]
mod story7;
#[path = "claude/streams.rs"]
mod streams;
#[path = "claude/structured.rs"]
mod structured;
#[path = "claude/tools.rs"]
mod tools;
