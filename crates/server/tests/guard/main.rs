//! The guard and the server around it, over real sockets.

mod client;
mod limits;
mod logging;
mod serving;
mod table;
