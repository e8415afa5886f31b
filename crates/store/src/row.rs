//! How a row becomes a struct, and a column an enum or a JSON value.

use std::ops::Deref;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A struct that is read from the columns it names, in their order.
pub(crate) trait FromRow: Sized {
    /// The table or view.
    const TABLE: &'static str;
    /// The columns, separated by commas.
    const COLUMNS: &'static str;

    /// Reads the struct from a row with exactly these columns.
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self>;
}

/// A column that holds JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

/// Defines a struct whose fields are the columns of `$table`, in their order. A field may name its
/// column where that is a keyword of Rust.
macro_rules! row {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident in $table:literal {
            $( $(#[$field_meta:meta])* pub $field:ident $(as $column:literal)? : $type:ty, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $( $(#[$field_meta])* pub $field: $type, )+
        }

        impl $crate::row::FromRow for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static str = $crate::row::columns!($( $field $(as $column)? ),+);

            fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                let mut index = 0..;
                let mut next = || index.next().unwrap_or_default();
                Ok(Self { $( $field: row.get::<usize, $type>(next())?, )+ })
            }
        }
    };
}

macro_rules! columns {
    (@one $field:ident) => { stringify!($field) };
    (@one $field:ident as $column:literal) => { $column };
    ($first:ident $(as $first_column:literal)? $(, $field:ident $(as $column:literal)?)*) => {
        concat!(
            $crate::row::columns!(@one $first $(as $first_column)?)
            $(, ", ", $crate::row::columns!(@one $field $(as $column)?))*
        )
    };
}

/// `SELECT` all columns of a row type, with the rest of the statement as given; built once.
macro_rules! select {
    ($row:ty, $tail:literal) => {{
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            use $crate::row::FromRow as _;
            format!(
                "SELECT {} FROM {} {}",
                <$row>::COLUMNS,
                <$row>::TABLE,
                $tail
            )
        });
        SQL.as_str()
    }};
}

/// A statement that changes rows of a type and gives them back; built once.
macro_rules! returning {
    ($row:ty, $statement:literal) => {{
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            use $crate::row::FromRow as _;
            format!("{} RETURNING {}", $statement, <$row>::COLUMNS)
        });
        SQL.as_str()
    }};
}

/// Defines an enum that is stored as one of a few words.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $text)] $variant, )+
        }

        impl $name {
            /// Every value, in its order.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The word that is stored.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }

            /// The value of a stored word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $( $text => Some(Self::$variant), )+ _ => None }
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                Self::parse(value.as_str()?).ok_or(rusqlite::types::FromSqlError::InvalidType)
            }
        }

        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use {columns, returning, row, select, words};
