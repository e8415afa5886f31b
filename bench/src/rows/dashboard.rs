use super::Row;
use crate::figure::{Figure, Verdict};

pub(super) const ROW: Row = Row {
    name: "dashboard",
    about: "dashboard:state with a million action rows",
    measure: |_| {
        Ok(vec![Figure {
            name: "`dashboard:state` with 1 M action rows",
            must: "≤ 50 ms",
            aim: "≤ 5 ms (running totals, not scans)",
            ours: "–".to_owned(),
            comparator: "–".to_owned(),
            ratio: "–".to_owned(),
            verdict: Verdict::Absent("not in this version".to_owned()),
        }])
    },
};
