//! Reading, replaying and scoring, in small.

use super::*;
