//! What survives: kills in the midst of a flood of writes, the order of writes and acknowledgements,
//! and a project that nothing but the pen ever changes.

#[path = "durability/interleavings.rs"]
mod interleavings;
#[path = "durability/kills.rs"]
mod kills;
#[path = "durability/order.rs"]
mod order;
#[path = "durability/readonly.rs"]
mod readonly;
