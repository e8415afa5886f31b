//! The one SQLite file of Paige: migrations, typed rows, the timeline, the outbox (blueprint §2).
//!
//! Everything that happens goes through one [unit of work](Unit), run by [`Store::commit`] on the
//! one thread that may write. Units that wait at the same moment share one transaction, so that one
//! flush of the disk acknowledges all of them; each has a savepoint of its own, so that one can fail
//! alone. **Acknowledged means durable**: nobody is answered before the commit.
//!
//! The crate has a core, which knows nothing of coaching ([`Store`], [`Unit`], [`Reader`],
//! [`View`], [`timeline`], [`ledger`], the outbox), and one module per desk: [`coach`]. The joint between the
//! two is `schema`: the migrations, and the SQL of the shared tables whose scope column carries the
//! desk's word. It must not know what a rule of coaching is: it keeps rows and guards their shape.
//!
//! No other crate writes SQL, so no type of rusqlite is needed to use this one.

pub mod coach;
mod config;
mod erase;
mod error;
pub mod ledger;
mod mailbox;
mod open;
mod outbox;
mod pool;
mod room;
mod row;
mod schema;
mod store;
mod time;
pub mod timeline;
mod unit;
mod view;
mod writer;

pub use config::{Config, Problem, Synchronous};
pub use erase::{Eraser, Erasure};
pub use error::{ConstraintKind, OpenError, StoreError};
pub use outbox::{Cursor, Push};
pub use row::Json;
pub use store::{PushListener, Store};
pub use time::{from_millis, millis_between, now};
pub use timeline::{Entry, TimelineEntry};
pub use unit::{Reader, Unit};
pub use view::View;
