//! The JSON Schema of a Rust type, adapted to what the API accepts as `output_config.format`.
//!
//! The API compiles a schema into a grammar, and refuses recursion, bounds, and objects with open ends.
//! So types are inlined, bounds become words in the description (a request's `check` looks at them in
//! the answer), every property is required (one that may be missing is a nullable one), and no other
//! is allowed. Properties come in the order of their names, in the schema and so in the answer.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// A type whose schema the API would not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It contains itself.
    #[error(
        "The type at `{0}` contains itself, which the API does not accept. Give it a fixed depth."
    )]
    Recursive(String),
    /// It has keys that are not known beforehand.
    #[error(
        "The schema has a map with free keys at `{0}`, which the API does not accept. Use a list of pairs."
    )]
    Map(String),
    /// It can be anything.
    #[error("The schema allows anything at `{0}`, which the API does not accept. Name the type.")]
    Anything(String),
    /// The root is no object.
    #[error("An answer is an object, and `{0}` is none. Wrap it in a struct.")]
    NotAnObject(String),
}

/// Keywords that the API refuses, whose meaning is told in words instead.
const BOUNDS: [(&str, &str); 12] = [
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("exclusiveMinimum", "more than"),
    ("exclusiveMaximum", "less than"),
    ("multipleOf", "a multiple of"),
    ("minLength", "characters: at least"),
    ("maxLength", "characters: at most"),
    ("pattern", "matching"),
    ("minItems", "items: at least"),
    ("maxItems", "items: at most"),
    ("minProperties", "properties: at least"),
    ("maxProperties", "properties: at most"),
];

/// Keywords that the API refuses and that say nothing to a model.
const DROPPED: [&str; 9] = [
    "$schema",
    "$defs",
    "title",
    "format",
    "default",
    "examples",
    "uniqueItems",
    "contentEncoding",
    "contentMediaType",
];

/// The schema of `T` as the API accepts it.
///
/// # Errors
/// Types that cannot be described to the API: recursive ones, maps, untyped values, a root that is no
/// object.
pub fn adapted<T: JsonSchema>() -> Result<Value, SchemaError> {
    let name = T::schema_name().into_owned();
    let schema = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<T>();
    let schema = adapt(schema.to_value(), "$")?;
    if schema["type"] != "object" {
        return Err(SchemaError::NotAnObject(name));
    }
    Ok(schema)
}

fn adapt(schema: Value, place: &str) -> Result<Value, SchemaError> {
    let Value::Object(mut schema) = schema else {
        return Err(SchemaError::Anything(place.to_owned()));
    };
    // Everything but a type that contains itself has been inlined.
    if let Some(reference) = schema.get("$ref") {
        let reference = reference.as_str().unwrap_or_default();
        // A reference to the root has no name of its own.
        let name = match reference.rsplit('/').next() {
            None | Some("#" | "") => place,
            Some(name) => name,
        };
        return Err(SchemaError::Recursive(name.to_owned()));
    }
    for keyword in DROPPED {
        schema.remove(keyword);
    }
    tell_bounds(&mut schema);
    if let Some(variants) = schema.remove("oneOf") {
        // The API knows `anyOf` alone; variants of an enum exclude each other anyway.
        schema.insert("anyOf".to_owned(), variants);
    }
    for keyword in ["anyOf", "allOf"] {
        if let Some(Value::Array(variants)) = schema.get_mut(keyword) {
            for variant in variants {
                *variant = adapt(variant.take(), place)?;
            }
        }
    }
    if let Some(items) = schema.get_mut("items") {
        *items = adapt(items.take(), &format!("{place}[]"))?;
    }
    let nullable = split_off_null(&mut schema);
    if is_object(&schema) {
        close(&mut schema, place)?;
    }
    let says_something = ["type", "anyOf", "allOf", "enum", "const"];
    if !says_something
        .iter()
        .any(|keyword| schema.contains_key(*keyword))
    {
        return Err(SchemaError::Anything(place.to_owned()));
    }
    if nullable {
        let description = schema.remove("description");
        let mut either = json!({"anyOf": [schema, {"type": "null"}]});
        if let Some(description) = description {
            either["description"] = description;
        }
        return Ok(either);
    }
    Ok(Value::Object(schema))
}

fn is_object(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object") || schema.contains_key("properties")
}

/// Makes `["object", "null"]` an `object`, and tells that it was one that may be null. A type with parts
/// stands alone, so that its parts belong to it; a plain one may stay a list.
fn split_off_null(schema: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(types)) = schema.get("type") else {
        return false;
    };
    let parted = types
        .iter()
        .find(|kind| *kind == "object" || *kind == "array");
    match (types.len(), parted.cloned()) {
        (2, Some(parted)) if types.iter().any(|kind| kind == "null") => {
            schema.insert("type".to_owned(), parted);
            true
        }
        _ => false,
    }
}

/// Requires every property of an object, and allows no other.
fn close(schema: &mut Map<String, Value>, place: &str) -> Result<(), SchemaError> {
    let open = schema
        .get("additionalProperties")
        .is_some_and(|more| *more != Value::Bool(false));
    if open || schema.contains_key("patternProperties") {
        return Err(SchemaError::Map(place.to_owned()));
    }
    let mut names = Vec::new();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties.iter_mut() {
            *property = adapt(property.take(), &format!("{place}.{name}"))?;
            names.push(Value::from(name.as_str()));
        }
    }
    schema
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    schema.insert("required".to_owned(), names.into());
    schema.insert("additionalProperties".to_owned(), false.into());
    Ok(())
}

/// Moves bounds into the description.
fn tell_bounds(schema: &mut Map<String, Value>) {
    // Every unsigned integer has this one, and it says little.
    let integer = schema.get("type").is_some_and(|kind| kind == "integer");
    let trivial = |keyword: &str, value: &Value| {
        integer && keyword == "minimum" && value.as_f64() == Some(0.0)
    };
    let mut told = Vec::new();
    for (keyword, words) in BOUNDS {
        if let Some(value) = schema
            .remove(keyword)
            .filter(|value| !trivial(keyword, value))
        {
            told.push(format!("{words} {value}"));
        }
    }
    if told.is_empty() {
        return;
    }
    let told = format!("({})", told.join(", "));
    let description = match schema.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} {told}"),
        None => told,
    };
    schema.insert("description".to_owned(), description.into());
}

#[cfg(test)]
mod tests {
    #![expect(dead_code, reason = "the types are there for their schemas")]

    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};

    use super::*;

    #[derive(JsonSchema)]
    struct Plan {
        /// At most fifty characters.
        #[schemars(length(min = 1, max = 50))]
        title: String,
        #[schemars(range(min = 0.0, max = 1.0))]
        confidence: f64,
        #[schemars(length(max = 3))]
        phases: Vec<Phase>,
        memory: Option<Phase>,
        note: Option<String>,
        #[schemars(regex(pattern = "^a"), extend("format" = "uri"))]
        format: String,
        count: u8,
    }

    #[derive(JsonSchema)]
    struct Phase {
        level: Level,
        kind: Kind,
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "lowercase")]
    enum Level {
        Low,
        High,
    }

    #[derive(JsonSchema)]
    #[schemars(tag = "type", rename_all = "lowercase")]
    enum Kind {
        /// With a path.
        File {
            path: String,
        },
        Nothing,
    }

    #[derive(JsonSchema)]
    struct Tree {
        children: Vec<Tree>,
    }

    #[derive(JsonSchema)]
    struct Free {
        map: BTreeMap<String, u32>,
    }

    #[derive(JsonSchema)]
    struct Any {
        list: Vec<Value>,
    }

    fn check<T: JsonSchema>(expected: &Expect) {
        let text = match adapted::<T>() {
            Ok(schema) => serde_json::to_string_pretty(&schema).unwrap(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn a_type_is_closed_and_inlined_and_its_bounds_are_told_in_words() {
        check::<Plan>(&expect![[r#"
            {
              "additionalProperties": false,
              "properties": {
                "confidence": {
                  "description": "(at least 0.0, at most 1.0)",
                  "type": "number"
                },
                "count": {
                  "description": "(at most 255)",
                  "type": "integer"
                },
                "format": {
                  "description": "(matching \"^a\")",
                  "type": "string"
                },
                "memory": {
                  "anyOf": [
                    {
                      "additionalProperties": false,
                      "properties": {
                        "kind": {
                          "anyOf": [
                            {
                              "additionalProperties": false,
                              "description": "With a path.",
                              "properties": {
                                "path": {
                                  "type": "string"
                                },
                                "type": {
                                  "const": "file",
                                  "type": "string"
                                }
                              },
                              "required": [
                                "path",
                                "type"
                              ],
                              "type": "object"
                            },
                            {
                              "additionalProperties": false,
                              "properties": {
                                "type": {
                                  "const": "nothing",
                                  "type": "string"
                                }
                              },
                              "required": [
                                "type"
                              ],
                              "type": "object"
                            }
                          ]
                        },
                        "level": {
                          "enum": [
                            "low",
                            "high"
                          ],
                          "type": "string"
                        }
                      },
                      "required": [
                        "kind",
                        "level"
                      ],
                      "type": "object"
                    },
                    {
                      "type": "null"
                    }
                  ]
                },
                "note": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "phases": {
                  "description": "(items: at most 3)",
                  "items": {
                    "additionalProperties": false,
                    "properties": {
                      "kind": {
                        "anyOf": [
                          {
                            "additionalProperties": false,
                            "description": "With a path.",
                            "properties": {
                              "path": {
                                "type": "string"
                              },
                              "type": {
                                "const": "file",
                                "type": "string"
                              }
                            },
                            "required": [
                              "path",
                              "type"
                            ],
                            "type": "object"
                          },
                          {
                            "additionalProperties": false,
                            "properties": {
                              "type": {
                                "const": "nothing",
                                "type": "string"
                              }
                            },
                            "required": [
                              "type"
                            ],
                            "type": "object"
                          }
                        ]
                      },
                      "level": {
                        "enum": [
                          "low",
                          "high"
                        ],
                        "type": "string"
                      }
                    },
                    "required": [
                      "kind",
                      "level"
                    ],
                    "type": "object"
                  },
                  "type": "array"
                },
                "title": {
                  "description": "At most fifty characters. (characters: at least 1, characters: at most 50)",
                  "type": "string"
                }
              },
              "required": [
                "confidence",
                "count",
                "format",
                "memory",
                "note",
                "phases",
                "title"
              ],
              "type": "object"
            }"#]]);
    }

    #[test]
    fn what_the_api_refuses_is_refused_here() {
        check::<Tree>(&expect![
            "The type at `$.children[]` contains itself, which the API does not accept. Give it a fixed depth."
        ]);
        check::<Free>(&expect![
            "The schema has a map with free keys at `$.map`, which the API does not accept. Use a list of pairs."
        ]);
        check::<Any>(&expect![
            "The schema allows anything at `$.list[]`, which the API does not accept. Name the type."
        ]);
        check::<Vec<Level>>(&expect![
            "An answer is an object, and `Array_of_Level` is none. Wrap it in a struct."
        ]);
    }

    #[test]
    fn no_keyword_that_the_api_refuses_is_left() {
        fn walk(schema: &Value, names: bool) {
            match schema {
                Value::Object(map) => {
                    for (key, value) in map {
                        let refused = BOUNDS.iter().any(|(word, _)| word == key)
                            || DROPPED.contains(&key.as_str())
                            || ["$ref", "oneOf"].contains(&key.as_str());
                        assert!(names || !refused, "{key}");
                        walk(value, !names && key == "properties");
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, false)),
                _ => {}
            }
        }
        walk(&adapted::<Plan>().unwrap(), false);
    }
}
