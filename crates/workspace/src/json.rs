//! [`TreeJson`]: the tree as it is sent, written straight from the model.

use std::cell::RefCell;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::model::{Folder, shown_path};

/// The whole tree as JSON, of the shape of [`TreeNode`](paige_protocol::tree::TreeNode). Cheap to
/// clone. Serialised as a part of a message, it is copied as it is.
#[derive(Debug, Clone)]
pub struct TreeJson(Arc<Box<RawValue>>);

impl TreeJson {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    pub(crate) fn of(root: &Folder) -> Self {
        let path = RefCell::new(String::new());
        let node = FolderNode {
            folder: root,
            path: &path,
        };
        // Nothing here can fail: there are no maps with odd keys, and memory is written to.
        let json = to_raw_value(&node).unwrap_or_else(|error| {
            tracing::error!(%error, "the tree could not be serialised");
            RawValue::NULL.to_owned()
        });
        Self(Arc::new(json))
    }
}

impl Serialize for TreeJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A folder; `path` is its own while it is serialised, and as it was afterwards.
struct FolderNode<'a> {
    folder: &'a Folder,
    path: &'a RefCell<String>,
}

impl Serialize for FolderNode<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut node = serializer.serialize_struct("TreeNode", 4)?;
        node.serialize_field("name", &self.folder.name)?;
        node.serialize_field("path", shown_path(&self.path.borrow()))?;
        node.serialize_field("type", "directory")?;
        node.serialize_field("children", &Children(self))?;
        node.end()
    }
}

struct Children<'a>(&'a FolderNode<'a>);

impl Serialize for Children<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FolderNode { folder, path } = self.0;
        let length = path.borrow().len();
        let enter = |name: &str| {
            let mut path = path.borrow_mut();
            path.truncate(length);
            if length > 0 {
                path.push('/');
            }
            path.push_str(name);
        };
        let folders = folder.folders.iter().map(|folder| {
            enter(&folder.name);
            Child::Folder(FolderNode { folder, path })
        });
        let files = folder.files.iter().map(|file| {
            enter(&file.name);
            Child::File(&file.name, path)
        });
        let written = serializer.collect_seq(folders.chain(files));
        path.borrow_mut().truncate(length);
        written
    }
}

enum Child<'a> {
    Folder(FolderNode<'a>),
    File(&'a str, &'a RefCell<String>),
}

impl Serialize for Child<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Folder(folder) => folder.serialize(serializer),
            Self::File(name, path) => {
                let mut node = serializer.serialize_struct("TreeNode", 3)?;
                node.serialize_field("name", name)?;
                node.serialize_field("path", path.borrow().as_str())?;
                node.serialize_field("type", "file")?;
                node.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use paige_protocol::tree::TreeNode;

    use super::*;
    use crate::model::Stamp;

    #[test]
    fn it_is_what_the_typed_tree_would_be() {
        let mut root = Folder::named("project \"x\"");
        let mut src = Folder::named("src");
        let mut deep = Folder::named("ü\\n");
        deep.put_file("line\nbreak", Stamp::UNKNOWN);
        src.put_folder(deep);
        src.put_folder(Folder::named("empty"));
        src.put_file("main.rs", Stamp::UNKNOWN);
        root.put_folder(src);
        root.put_file("a", Stamp::UNKNOWN);
        let json = TreeJson::of(&root);
        let parsed: TreeNode = serde_json::from_str(json.as_str()).expect("JSON");
        assert_eq!(parsed, root.node(""));
        assert_eq!(
            json.as_str(),
            serde_json::to_string(&root.node("")).expect("JSON")
        );
        let message = serde_json::to_string(&[&json]).expect("JSON");
        assert_eq!(message, format!("[{}]", json.as_str()));
    }
}
