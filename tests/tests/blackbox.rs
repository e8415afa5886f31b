//! Black-box tests of the built binary: the acceptance scenarios of the specification that are about
//! its doors, the faults of the original, and what the stream of pushes promises.

#[path = "blackbox/budgets.rs"]
mod budgets;
#[path = "blackbox/bursts.rs"]
mod bursts;
#[path = "blackbox/export.rs"]
mod export;
#[path = "blackbox/faults.rs"]
mod faults;
#[path = "blackbox/files.rs"]
mod files;
#[path = "blackbox/forget.rs"]
mod forget;
#[path = "blackbox/guard.rs"]
mod guard;
#[path = "blackbox/hooks.rs"]
mod hooks;
#[path = "blackbox/hub.rs"]
mod hub;
#[path = "blackbox/limits.rs"]
mod limits;
#[path = "blackbox/observer_eval.rs"]
mod observer_eval;
#[path = "blackbox/refusals.rs"]
mod refusals;
#[path = "blackbox/replay.rs"]
mod replay;
#[path = "blackbox/secrets.rs"]
mod secrets;
#[path = "blackbox/story1.rs"]
mod story1;
#[path = "blackbox/story10.rs"]
mod story10;
#[path = "blackbox/story2.rs"]
mod story2;
#[path = "blackbox/story3.rs"]
mod story3;
#[path = "blackbox/story4.rs"]
mod story4;
#[path = "blackbox/story5.rs"]
mod story5;
#[path = "blackbox/story6.rs"]
mod story6;
#[path = "blackbox/story7.rs"]
mod story7;
#[path = "blackbox/story8.rs"]
mod story8;
#[path = "blackbox/story9.rs"]
mod story9;
#[path = "blackbox/thinking.rs"]
mod thinking;
#[path = "blackbox/timeline.rs"]
mod timeline;
#[path = "blackbox/unwatched.rs"]
mod unwatched;
