//! How deep JSON is nested, found before anything parses it.

use memchr::memchr2;

/// Whether the JSON text in `bytes` opens more than `limit` arrays and objects inside each other.
///
/// The scan is a loop without recursion and copies nothing, so that hostile input costs no stack
/// and no memory. It need not be given valid JSON: up to the first mistake it counts what a parser
/// would count, and a parser stops there. `[]` has depth 1; a bare number has depth 0.
pub fn nesting_exceeds(bytes: &[u8], limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            // Nearly all of a large message is one string, the text of a file: leap over it.
            b'"' => at = end_of_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The index behind the closing quote of the string whose first character is at `at`.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..) {
        let Some(offset) = memchr2(b'"', b'\\', rest) else {
            break;
        };
        let found = at + offset;
        if bytes[found] == b'"' {
            return found + 1;
        }
        // What is escaped is never a closing quote.
        at = found + 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// `depth` is the least limit that lets `text` pass.
    fn check(text: &str, depth: usize) {
        assert!(
            !nesting_exceeds(text.as_bytes(), depth),
            "{text} at {depth}"
        );
        if depth > 0 {
            assert!(
                nesting_exceeds(text.as_bytes(), depth - 1),
                "{text} below {depth}"
            );
        }
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        check("", 0);
        check("17", 0);
        check("[]", 1);
        check("[[],[],{}]", 2);
        check(r#"{"a":{"b":[1,2,{"c":null}]}}"#, 4);
        check(r#""[[[[""#, 0);
        check(r#"["[[[[\"[[[[", []]"#, 2);
        check(r#"["\\", []]"#, 2);
        check(r#"["\\\"[[["]"#, 1);
    }

    #[test]
    fn broken_json_is_scanned_to_its_end() {
        check("]]]][", 1);
        check(r#"["never closed [[["#, 1);
        check("[\"ends in an escape\\", 1);
        check("[\"\\", 1);
    }

    #[test]
    fn a_million_brackets_cost_no_stack() {
        assert!(nesting_exceeds(&vec![b'['; 1_000_000], 64));
        assert!(!nesting_exceeds(&vec![b'['; 1_000_000], 1_000_000));
    }

    fn depth_of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let text = "[a\\[{}\"\\\\\n\\]]{0,8}";
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(text, inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scan_agrees_with_the_parser(value in any_json()) {
            check(&value.to_string(), depth_of(&value));
        }
    }
}
